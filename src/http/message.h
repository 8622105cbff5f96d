#pragma once
// A request and a reply as HTTP has them. Knows nothing of models.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ingle {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string id;  // Made by the server; sent back as x-request-id.
  std::string method;
  std::string target;  // As sent.
  std::string
      path;  // Normalised: no query, no empty segments, segments not decoded. "/" or "/a/b".
  std::vector<std::string> segments;  // Of path, percent-decoded after splitting.
  std::string query;
  HttpHeaders headers;
  std::string body;
  bool keep_alive = true;
  bool chunked_replies = true;  // False for HTTP/1.0.

  // Value of the first header of this name (any case); empty when absent.
  std::string_view Header(std::string_view name) const;
  bool HasHeader(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

std::string_view ReasonPhrase(int status);
std::string HttpDate();  // Now.

struct HeadLimits {
  size_t bytes = 16 << 10;  // Request line and headers.
  size_t headers = 64;
  size_t target_bytes = 8 << 10;
};
// What a lenient parser would let through and two programs in a row could read differently: bare LF
// or CR, NUL, folded lines, a space before the colon, repeated Host, Content-Length or
// Authorization. `head` ends with the blank line. The error's id is the HTTP status ("400", "414",
// "431").
Status CheckHead(std::string_view head, const HeadLimits& limits);

// Splits, checks and decodes the target into path, segments and query. Refuses absolute forms, "."
// and "..", NUL, and segments that are not UTF-8 once decoded.
Status SetTarget(std::string_view target, HttpRequest& request);

}  // namespace ingle
