#include "server/access.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

namespace ingle {
namespace {

constexpr size_t kMaxKeyBytes = 4096;

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Without the port; keeps the brackets of an IPv6 address.
std::string_view HostName(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool IsPort(std::string_view text) {
  return text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool IsLoopbackAuthority(std::string_view authority) {
  const std::string_view name = HostName(authority);
  std::string_view rest = authority.substr(name.size());
  if (rest.starts_with(':'))
    rest.remove_prefix(1);
  else if (!rest.empty())
    return false;
  return IsPort(rest) && IsLoopbackName(name);
}

std::array<unsigned char, 32> Sha256(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return digest;
}

// The key that the request shows; nullopt: none.
std::optional<std::string_view> ShownKey(const HttpRequest& request) {
  const std::string_view authorization = request.Header("authorization");
  if (authorization.size() > 7 && Lower(authorization.substr(0, 7)) == "bearer ")
    return authorization.substr(7);
  for (const char* name : {"x-api-key", "api-key"})
    if (const std::string_view key = request.Header(name); !key.empty()) return key;
  return std::nullopt;
}

// "scheme://host" or "scheme://host:port", nothing after it.
bool IsOrigin(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  return !host.empty() && host.find_first_of("/*?# \t") == std::string_view::npos;
}

bool IsTokenList(std::string_view text) {
  return text.size() <= 1024 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

}  // namespace

bool IsLoopbackName(std::string_view host) {
  const std::string name = Lower(host);
  if (name == "localhost" || name == "[::1]" || name == "::1") return true;
  if (!name.starts_with("127.")) return false;
  int dots = 0, digits = 0;
  for (const char c : name) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (c < '0' || c > '9' || ++digits > 3) {
      return false;
    }
  }
  return dots == 3 && digits > 0;
}

Result<Access> Access::Make(AccessOptions options) {
  if (!IsLoopbackName(options.host) && options.api_keys.empty())
    return Fail(
        ErrorCode::kInvalidRequest,
        "refusing to listen on " + options.host +
            " without an API key: anybody in the network could use the model. Give --api-key-file "
            "FILE or "
            "--api-key KEY, or listen on 127.0.0.1, or put a proxy that authenticates in front",
        "host");
  Access access;
  for (const std::string& key : options.api_keys) {
    if (key.empty() || key.size() > kMaxKeyBytes ||
        key.find_first_of(" \t\r\n") != std::string::npos)
      return Fail(ErrorCode::kInvalidRequest,
                  "an API key is empty, too long or holds a space; "
                  "use 1 to 4096 characters without spaces",
                  "api_key");
    access.key_digests_.push_back(Sha256(key));
  }
  for (const std::string& origin : options.allowed_origins)
    if (!IsOrigin(origin))
      return Fail(ErrorCode::kInvalidRequest,
                  "'" + origin +
                      "' is not a web origin; give scheme and host as a browser sends them, such "
                      "as https://app.example or http://localhost:8080 (no path, no *)",
                  "allow_origin");
  access.options_ = std::move(options);
  return access;
}

Status Access::CheckHost(const HttpRequest& request) const {
  if (!key_digests_.empty()) return {};
  const std::string_view host = request.Header("host");
  if (host.empty() || IsLoopbackAuthority(host)) return {};
  return Fail(ErrorCode::kInvalidRequest,
              "this server answers to localhost only; its Host header must say so. To serve "
              "another name, set an "
              "API key",
              "", "host_not_allowed");
}

bool Access::OriginAllowed(const HttpRequest& request) const {
  const std::string_view origin = request.Header("origin");
  if (std::ranges::find(options_.allowed_origins, origin) != options_.allowed_origins.end())
    return true;
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  if (const std::string_view name = origin.substr(0, scheme); name != "http" && name != "https")
    return false;
  const std::string_view authority = origin.substr(scheme + 3);
  // A page that this server gave out. Another port of this machine is another program.
  return !authority.empty() && Lower(authority) == Lower(request.Header("host"));
}

Status Access::CheckOrigin(const HttpRequest& request) const {
  if (!request.HasHeader("origin") || OriginAllowed(request)) return {};
  if (request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS") return {};
  return Fail(
      ErrorCode::kInvalidRequest,
      "web pages of this origin may not use the server; allow it with --allow-origin ORIGIN", "",
      "origin_not_allowed");
}

Status Access::CheckKey(const HttpRequest& request) const {
  if (key_digests_.empty()) return {};
  const auto shown = ShownKey(request);
  if (shown && shown->size() <= kMaxKeyBytes) {
    const Digest digest = Sha256(*shown);
    bool found = false;
    for (const Digest& key : key_digests_)
      found |= CRYPTO_memcmp(digest.data(), key.data(), key.size()) == 0;
    if (found) return {};
  }
  return Fail(
      ErrorCode::kInvalidRequest,
      shown ? "this API key is none of the server's; send the right one as Authorization: Bearer "
              "KEY (who runs the server has it)"
            : "an API key is needed: send Authorization: Bearer KEY",
      "", "invalid_api_key");
}

std::string Access::ScopeOf(const HttpRequest& request) const {
  const auto shown = ShownKey(request);
  if (key_digests_.empty() || !shown) return {};
  constexpr size_t kShownBytes = 16;  // Enough that no two keys fall together.
  const Digest digest = Sha256("scope:" + std::string(*shown));
  std::string name;
  for (size_t i = 0; i < kShownBytes; ++i)
    for (const int nibble : {digest[i] >> 4, digest[i] & 15}) name += "0123456789abcdef"[nibble];
  return name;
}

HttpHeaders Access::CorsHeaders(const HttpRequest& request) const {
  if (!request.HasHeader("origin") || !OriginAllowed(request)) return {};
  return {{"Access-Control-Allow-Origin", std::string(request.Header("origin"))},
          {"Access-Control-Expose-Headers", "x-request-id, retry-after"},
          {"Vary", "Origin"}};
}

HttpHeaders Access::PreflightHeaders(const HttpRequest& request) const {
  HttpHeaders headers = CorsHeaders(request);
  if (headers.empty()) return headers;
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  const std::string_view asked = request.Header("access-control-request-headers");
  if (!asked.empty() && IsTokenList(asked))
    headers.emplace_back("Access-Control-Allow-Headers", std::string(asked));
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

}  // namespace ingle
