#include "base/json.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

TEST(ParseJson, FractionsAreExact) {
  for (const char* text : {"123456789.123456789", "0.1", "3.14159", "1e23", "9007199254740993.0",
                           "2.2250738585072014e-308"}) {
    auto value = ParseJson(text, "test");
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(value->as_double(), std::strtod(text, nullptr)) << text;
  }
}

TEST(ParseJson, KeepsOrderAndTypes) {
  auto value = ParseJson(
      " {\"b\": [1, -2, 18446744073709551615, null, true, \"x\\u00e9\\ud83d\\ude00\"], \"a\": {}} "
      "\n",
      "test");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(json::serialize(*value),
            "{\"b\":[1,-2,18446744073709551615,null,true,\"x\xc3\xa9\xf0\x9f\x98\x80\"],\"a\":{}}");
}

TEST(ParseJson, LimitsAndErrors) {
  EXPECT_FALSE(ParseJson("", "test"));
  EXPECT_FALSE(ParseJson("{} x", "test"));
  EXPECT_FALSE(ParseJson("[1,", "test"));
  EXPECT_FALSE(ParseJson("\"\xff\"", "test"));
  EXPECT_FALSE(ParseJson(std::string(100000, '['), "test"));
  JsonLimits small;
  small.bytes = 3;
  auto large = ParseJson("[1, 2]", "test", small);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace ingle
