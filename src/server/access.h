#pragma once
// Who may ask: the address to bind, the Host and Origin headers, API keys.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace ingle {

struct AccessOptions {
  std::string host = "127.0.0.1";            // Address to listen on.
  std::vector<std::string> api_keys;         // Empty: none needed.
  std::vector<std::string> allowed_origins;  // Besides the server's own.
};

class Access {
 public:
  // Refuses an address other than loopback without a key.
  static Result<Access> Make(AccessOptions options);

  // Without a key, only loopback names may be in Host: a web page that rebinds its own name to this
  // machine must not reach the server.
  Status CheckHost(const HttpRequest& request) const;
  // A page of a foreign origin may not change state here.
  Status CheckOrigin(const HttpRequest& request) const;
  Status CheckKey(const HttpRequest& request) const;
  // Whose request it is, for what must not be shared between users: one name per API key, which
  // does not tell the key; empty on a server without keys.
  std::string ScopeOf(const HttpRequest& request) const;
  bool OriginAllowed(const HttpRequest& request) const;
  // Headers that let the page read the reply; empty for foreign origins.
  HttpHeaders CorsHeaders(const HttpRequest& request) const;
  HttpHeaders PreflightHeaders(const HttpRequest& request) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  AccessOptions options_;
  std::vector<Digest> key_digests_;
};

bool IsLoopbackName(std::string_view host);  // localhost, 127.x.y.z, [::1]; without port.

}  // namespace ingle
