#include "api/error_json.h"

#include <string_view>

#include "api/sse.h"

namespace ingle {
namespace {

constexpr const char* kRetryAfterS = "1";

// Where the name says more than the code.
constexpr std::pair<std::string_view, int> kStatusOfId[] = {
    {"context_length_exceeded", 400}, {"queue_full", 429},
    {"invalid_api_key", 401},         {"host_not_allowed", 403},
    {"origin_not_allowed", 403},      {"method_not_allowed", 405},
    {"reader_too_slow", 408},         {"parameter_not_allowed", 403},
};

std::string_view TypeOf(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 429: return "rate_limit_error";
    case 503: return "service_unavailable_error";
    case 501: return "invalid_request_error";  // A method nobody knows: the client's fault.
    default: return status < 500 ? "invalid_request_error" : "server_error";
  }
}

json::value TextOrNull(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

// Another try would end the same way.
bool IsPermanent(const Error& error) {
  return error.code == ErrorCode::kOutOfMemory || error.code == ErrorCode::kCorruptFile ||
         error.id == "model_unavailable";
}

}  // namespace

int HttpStatus(const Error& error) {
  for (const auto& [id, status] : kStatusOfId)
    if (error.id == id) return status;
  switch (error.code) {
    case ErrorCode::kInvalidRequest:
    case ErrorCode::kUnsupported: return 400;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kTooLarge: return 413;
    case ErrorCode::kCorruptFile:
    case ErrorCode::kOutOfMemory:
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kCancelled: return 499;
    case ErrorCode::kDeadline: return 504;
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

json::object ErrorJson(const Error& error, int status) {
  if (status == 0) status = HttpStatus(error);
  json::object inner{
      {"message", error.message},
      {"type", TypeOf(status)},
      {"param", TextOrNull(error.param)},
      {"code", TextOrNull(error.id.empty() ? std::string(ErrorCodeName(error.code)) : error.id)}};
  if (status == 503 || status == 429) inner["retryable"] = !IsPermanent(error);
  return {{"error", std::move(inner)}};
}

HttpError ToHttpError(const Error& error, int status, int64_t retry_after_s) {
  HttpError out;
  out.status = status == 0 ? HttpStatus(error) : status;
  out.body = JsonText(ErrorJson(error, out.status));
  out.headers.emplace_back("Content-Type", "application/json");
  if (out.status == 503 || out.status == 429) {
    // Clients that try again by themselves do so within seconds.
    if (IsPermanent(error)) out.headers.emplace_back("x-should-retry", "false");
    if (retry_after_s > 0)
      out.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
    else if (!IsPermanent(error))
      out.headers.emplace_back("Retry-After", kRetryAfterS);
  }
  if (out.status == 501) out.headers.emplace_back("x-should-retry", "false");
  return out;
}

}  // namespace ingle
