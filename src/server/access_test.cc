#include "server/access.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/log.h"

namespace ingle {
namespace {

HttpRequest With(HttpHeaders headers, std::string method = "POST") {
  HttpRequest request;
  request.method = std::move(method);
  request.headers = std::move(headers);
  return request;
}

TEST(Access, OtherAddressesNeedAKey) {
  EXPECT_TRUE(Access::Make({"127.0.0.1", {}, {}}));
  EXPECT_TRUE(Access::Make({"localhost", {}, {}}));
  for (const char* host : {"0.0.0.0", "192.168.1.5", "::", "127.0.0.1.evil.example"}) {
    auto access = Access::Make({host, {}, {}});
    ASSERT_FALSE(access) << host;
    EXPECT_NE(access.error().message.find("--api-key"), std::string::npos);
    EXPECT_TRUE(Access::Make({host, {"secret"}, {}})) << host;
  }
  EXPECT_FALSE(Access::Make({"127.0.0.1", {""}, {}}));
}

TEST(Access, AScopeForEachKeyThatDoesNotTellIt) {
  const Access access = *Access::Make({"127.0.0.1", {"first", "second"}, {}});
  const std::string first = access.ScopeOf(With({{"Authorization", "Bearer first"}}));
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(first, access.ScopeOf(With({{"x-api-key", "first"}})));
  EXPECT_NE(first, access.ScopeOf(With({{"Authorization", "Bearer second"}})));
  EXPECT_EQ(Access::Make({})->ScopeOf(With({{"Authorization", "Bearer any"}})), "");
}

TEST(Access, HostMustBeLoopback) {
  const Access access = *Access::Make({});
  for (const char* host :
       {"localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST"})
    EXPECT_TRUE(access.CheckHost(With({{"Host", host}}))) << host;
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "0.0.0.0:3000", "localhost:3000@evil", "localhost/v1", "[::1].evil"})
    EXPECT_FALSE(access.CheckHost(With({{"Host", host}}))) << host;
}

TEST(Access, Keys) {
  const Access access = *Access::Make({"0.0.0.0", {"k1", "k2"}, {}});
  const auto allowed = [&](const char* name, const char* value) {
    return access.CheckKey(With({{name, value}})).has_value();
  };
  EXPECT_TRUE(allowed("Authorization", "Bearer k1"));
  EXPECT_TRUE(allowed("authorization", "bearer k2"));
  EXPECT_TRUE(allowed("x-api-key", "k1"));
  EXPECT_TRUE(allowed("api-key", "k1"));
  for (const char* wrong :
       {"Bearer", "Bearer ", "Bearer k", "Bearer k11", "Bearer  k1", "k1", "Basic k1", ""})
    EXPECT_FALSE(allowed("Authorization", wrong)) << wrong;
  EXPECT_FALSE(allowed("Authorization", ("Bearer " + std::string(1 << 20, 'x')).c_str()));
  EXPECT_FALSE(access.CheckKey(With({})));
  EXPECT_TRUE(Access::Make({})->CheckKey(With({{"Authorization", "Bearer"}})))
      << "no key is needed";
}

TEST(Access, Origins) {
  const Access access = *Access::Make({"127.0.0.1", {}, {"https://app.example"}});
  const auto from = [](const char* origin) {
    return With({{"Host", "localhost:3000"}, {"Origin", origin}});
  };
  for (const char* origin :
       {"http://localhost:3000", "http://LOCALHOST:3000", "https://app.example"}) {
    EXPECT_TRUE(access.CheckOrigin(from(origin))) << origin;
    EXPECT_EQ(access.CorsHeaders(from(origin)).at(0).second, origin);
  }
  // Another port of this machine is another program, which must not reach the model unasked.
  for (const char* origin :
       {"http://evil.example", "null", "http://localhost.evil.com", "file://", "",
        "http://127.0.0.1:9", "http://localhost:8080", "http://localhost", "http://[::1]:3000"}) {
    EXPECT_FALSE(access.CheckOrigin(from(origin))) << origin;
    EXPECT_TRUE(access.CorsHeaders(from(origin)).empty()) << origin;
  }
  const auto headers = access.PreflightHeaders(With(
      {{"Origin", "https://app.example"}, {"Access-Control-Request-Headers", "authorization, x-a"}},
      "OPTIONS"));
  EXPECT_NE(std::ranges::find(headers, std::pair<std::string, std::string>(
                                           "Access-Control-Allow-Headers", "authorization, x-a")),
            headers.end());
}

TEST(Access, AllowedOriginsAreWhatBrowsersSend) {
  for (const char* wrong :
       {"*", "app.example", "https://app.example/", "https://*", "://a", "a://"})
    EXPECT_FALSE(Access::Make({"127.0.0.1", {}, {wrong}})) << wrong;
  EXPECT_TRUE(Access::Make({"127.0.0.1", {}, {"https://app.example:8443", "tauri://localhost"}}));
}

TEST(Log, OddBytesAreEscapedAndBracesMeanNothing) {
  EXPECT_EQ(LogLine("e", {{"k", "a\"b\\c\n\x1b{}%s"}}), "e k=\"a\\\"b\\\\c\\x0a\\x1b{}%s\"");
  Log(LogLevel::kInfo, "{} {", {{"k", "{0}"}});
}

}  // namespace
}  // namespace ingle
