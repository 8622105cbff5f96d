// Routing and access; what each endpoint answers is in endpoints.cc.
#include "server/api_handler.h"

#include <ctime>

#include "api/chat_completions.h"
#include "api/completions.h"
#include "api/error_json.h"
#include "api/generate.h"

namespace ingle {
namespace {

// Segments joined by '/', without leading "v1" (some clients send it twice).
std::string RoutePath(const HttpRequest& request) {
  std::string path;
  for (const std::string& segment : request.segments) {
    if (path.empty() && segment == "v1") continue;
    if (!path.empty()) path += '/';
    path += segment;
  }
  return path;
}

bool Matches(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with("/*")) return pattern == path;
  pattern.remove_suffix(1);
  return path.size() > pattern.size() && path.starts_with(pattern);
}

}  // namespace

std::span<const ApiHandler::Route> ApiHandler::Routes() {
  static constexpr Route kRoutes[] = {
      {.method = "POST",
       .path = "chat/completions",
       .parse = &ParseChatCompletion,
       .make = &MakeChatReply,
       .id_prefix = "chatcmpl-"},
      {.method = "POST",
       .path = "completions",
       .parse = &ParseCompletion,
       .make = &MakeCompletionReply,
       .id_prefix = "cmpl-"},
      {.method = "POST",
       .path = "generate",
       .parse = &ParseGenerate,
       .make = &MakeGenerateReply,
       .id_prefix = "gen-"},
      {.method = "GET", .path = "models", .answer = &ApiHandler::ListModels},
      {.method = "GET", .path = "models/*", .answer = &ApiHandler::GetModel},
      {.method = "GET", .path = "metrics", .answer = &ApiHandler::ShowMetrics},
      {.method = "GET", .path = "health", .needs_key = false, .answer = &ApiHandler::Health},
      {.method = "GET", .path = "livez", .needs_key = false, .answer = &ApiHandler::Livez},
      {.method = "GET", .path = "readyz", .needs_key = false, .answer = &ApiHandler::Readyz},
      {.method = "GET", .path = "docs", .needs_key = false, .answer = &ApiHandler::Docs},
      {.method = "GET", .path = "", .needs_key = false, .answer = &ApiHandler::Page},
  };
  return kRoutes;
}

const ApiHandler::Route* ApiHandler::FindRoute(const HttpRequest& request, std::string* allowed) {
  const std::string path = RoutePath(request);
  for (const Route& route : Routes()) {
    if (!Matches(route.path, path)) continue;
    if (route.method == request.method || (route.method == "GET" && request.method == "HEAD"))
      return &route;
    *allowed = route.method == "GET" ? "GET, HEAD, OPTIONS" : "POST, OPTIONS";
  }
  return nullptr;
}

ApiHandler::ApiHandler(ApiOptions options, Access access, Gateway* gateway)
    : options_(std::move(options)),
      access_(std::move(access)),
      gateway_(gateway),
      started_s_(std::time(nullptr)) {}

HttpResponse ApiHandler::ErrorResponse(const HttpRequest& request, const Error& error, int status) {
  HttpError http = ToHttpError(error, status);
  ++(http.status < 500 ? metrics_.errors_4xx : metrics_.errors_5xx);
  HttpResponse response{http.status, access_.CorsHeaders(request), std::move(http.body)};
  for (auto& header : http.headers) response.headers.push_back(std::move(header));
  if (http.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::optional<HttpResponse> ApiHandler::OnHead(const HttpRequest& head) {
  ++metrics_.requests;
  if (auto host = access_.CheckHost(head); !host) return ErrorResponse(head, host.error());
  std::string allowed;
  const Route* route = FindRoute(head, &allowed);
  if (head.method == "OPTIONS") {
    HttpResponse response{204, access_.PreflightHeaders(head), {}};
    response.headers.emplace_back("Allow", "GET, HEAD, POST, OPTIONS");
    return response;
  }
  if (auto origin = access_.CheckOrigin(head); !origin) return ErrorResponse(head, origin.error());
  // Before routing, so that nobody without a key learns which paths exist.
  if (route == nullptr || route->needs_key)
    if (auto key = access_.CheckKey(head); !key) return ErrorResponse(head, key.error());
  if (route == nullptr && !allowed.empty()) {
    HttpResponse response = ErrorResponse(
        head,
        {ErrorCode::kInvalidRequest,
         head.method + " is not a method of " + head.path.substr(0, 200) + "; allowed: " + allowed,
         "", "method_not_allowed"});
    response.headers.emplace_back("Allow", allowed);
    return response;
  }
  if (route == nullptr)
    return ErrorResponse(
        head, {ErrorCode::kNotFound,
               "there is no " + head.path.substr(0, 200) + " here; GET /docs lists what there is",
               "", "unknown_url"});
  if (const auto encoding = head.Header("content-encoding");
      !encoding.empty() && encoding != "identity")
    return ErrorResponse(
        head,
        {ErrorCode::kUnsupported,
         "compressed bodies are not read; send it as it is, without Content-Encoding", "",
         "unsupported_encoding"},
        415);
  if (draining_ && route->parse != nullptr)
    return ErrorResponse(
        head, {ErrorCode::kUnavailable,
               "the server is shutting down and takes no new work; send the request again when it "
               "is back",
               "", "server_shutting_down"});
  return std::nullopt;
}

void ApiHandler::OnRequest(HttpRequest request, std::shared_ptr<Exchange> exchange) {
  std::string allowed;
  const Route* route = FindRoute(request, &allowed);  // OnHead has found it too.
  if (route->parse != nullptr) return Generate(*route, request, std::move(exchange));
  (this->*route->answer)(request, *exchange);
}

HttpResponse ApiHandler::OnBadRequest(int status, const std::string& message) {
  const char* id = status == 413   ? "body_too_large"
                   : status == 408 ? "request_timeout"
                   : status == 501 ? "unknown_method"
                   : status == 503 ? "server_busy"
                                   : "bad_request";
  return ErrorResponse({}, {ErrorCode::kInvalidRequest, message, "", id}, status);
}

}  // namespace ingle
