#include "http/message.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "base/utf8.h"

namespace ingle {
namespace {

// Headers that may appear once.
constexpr std::array<std::string_view, 4> kOnce = {"host", "content-length", "authorization",
                                                   "transfer-encoding"};
using SeenOnce = std::array<int, kOnce.size()>;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool SameName(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = Lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::unexpected<Error> Bad(const std::string& message, const char* status = "400") {
  return Fail(ErrorCode::kInvalidRequest, message, "", status);
}

// The only coding that can be undone here; with any other, where the body ends is not known.
Status CheckTransferCoding(std::string_view value) {
  const size_t begin = value.find_first_not_of(" \t"), end = value.find_last_not_of(" \t");
  if (begin != std::string_view::npos && SameName(value.substr(begin, end - begin + 1), "chunked"))
    return {};
  return Bad("the transfer coding of the body is not supported; send it plain or chunked");
}

// One line without its CR LF: a header field.
Status CheckField(std::string_view line, SeenOnce& seen) {
  if (line[0] == ' ' || line[0] == '\t')
    return Bad("a folded header line; write each header in one line");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return Bad("a header line without a name; write NAME: VALUE");
  if (line[colon - 1] == ' ' || line[colon - 1] == '\t')
    return Bad("a space before the colon of a header; write NAME: VALUE");
  for (size_t i = 0; i < kOnce.size(); ++i)
    if (SameName(line.substr(0, colon), kOnce[i]) && ++seen[i] > 1)
      return Bad("the header " + std::string(kOnce[i]) + " appears twice; send it once");
  if (SameName(line.substr(0, colon), "transfer-encoding"))
    return CheckTransferCoding(line.substr(colon + 1));
  return {};
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (SameName(key, name)) return value;
  return {};
}

bool HttpRequest::HasHeader(std::string_view name) const {
  return std::ranges::any_of(headers,
                             [&](const auto& header) { return SameName(header.first, name); });
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Status";
  }
}

std::string HttpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[64];
  const size_t size = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, size};
}

Status CheckHead(std::string_view head, const HeadLimits& limits) {
  if (head.size() > limits.bytes)
    return Bad("the request's headers have more than " + std::to_string(limits.bytes) +
                   " bytes; send fewer or shorter ones",
               "431");
  SeenOnce seen{};
  size_t lines = 0;
  for (size_t begin = 0; begin < head.size(); ++lines) {
    const size_t end = head.find_first_of(std::string_view("\r\n\0", 3), begin);
    if (end == std::string_view::npos || head.substr(end, 2) != "\r\n")
      return Bad("a bare CR, a bare LF or a NUL in the request's headers; end lines with CR LF");
    const std::string_view line = head.substr(begin, end - begin);
    begin = end + 2;
    if (line.empty()) break;
    if (lines == 0) {
      if (line.size() > limits.target_bytes + 32)
        return Bad("the request's target has more than " + std::to_string(limits.target_bytes) +
                       " bytes; shorten it",
                   "414");
      continue;
    }
    if (lines > limits.headers)
      return Bad("more than " + std::to_string(limits.headers) + " headers; send fewer", "431");
    INGLE_RETURN_IF_ERROR(CheckField(line, seen));
  }
  return {};
}

Status SetTarget(std::string_view target, HttpRequest& request) {
  request.target = target;
  if (target == "*") target = "/";
  if (target.empty() || target[0] != '/')
    return Bad("the request's target must be a path that begins with /");
  if (const size_t fragment = target.find('#'); fragment != std::string_view::npos)
    return Bad("the request's target has a fragment; leave out # and what follows");
  if (const size_t mark = target.find('?'); mark != std::string_view::npos) {
    request.query = target.substr(mark + 1);
    target = target.substr(0, mark);
  }
  while (!target.empty()) {
    const size_t end = std::min(target.find('/'), target.size());
    const std::string_view segment = target.substr(0, end);
    target.remove_prefix(std::min(end + 1, target.size()));
    if (segment.empty()) continue;
    auto decoded = PercentDecode(segment);
    if (!decoded) return Bad("a broken percent-escape in the request's target; write % as %25");
    if (!IsValidUtf8(*decoded))
      return Bad("the request's target is not valid UTF-8; percent-encode UTF-8 bytes");
    if (std::ranges::any_of(*decoded, IsControl))
      return Bad("the request's target has a control character; leave it out");
    if (*decoded == "." || *decoded == "..")
      return Bad("the request's target has a . or .. segment; write the path itself");
    request.path.append("/").append(segment);
    request.segments.push_back(*std::move(decoded));
  }
  if (request.path.empty()) request.path = "/";
  return {};
}

}  // namespace ingle
