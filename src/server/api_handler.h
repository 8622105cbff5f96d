#pragma once
// The routes: which path and method does what, and who may.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/generation_call.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "server/access.h"
#include "server/metrics.h"

namespace ingle {

struct ApiOptions {
  std::string model_id;          // What GET /v1/models shows.
  bool strict_model = false;     // Another name in a request is 404 instead of a warning.
  std::optional<uint64_t> seed;  // Of requests that name none; absent: drawn for each.
};

class ApiHandler final : public HttpHandler {
 public:
  ApiHandler(ApiOptions options, Access access, Gateway* gateway);

  std::optional<HttpResponse> OnHead(const HttpRequest& head) override;
  void OnRequest(HttpRequest request, std::shared_ptr<Exchange> exchange) override;
  HttpResponse OnBadRequest(int status, const std::string& message) override;

  void SetDraining() { draining_ = true; }
  // Requests may come before this. What is given lives as long as requests come.
  struct Listening {
    const HttpServer* http;
    std::string url;
  };
  void SetListening(const Listening* listening) { listening_ = listening; }

 private:
  struct Route {
    std::string_view method;  // "GET" also answers HEAD; OPTIONS is answered for every path.
    std::string_view path;    // Without /v1; "models/*" takes whatever follows.
    bool needs_key = true;
    void (ApiHandler::*answer)(const HttpRequest&, Exchange&) = nullptr;
    // Of generations.
    Result<GenerationCall> (*parse)(const json::object&) = nullptr;
    std::unique_ptr<Reply> (*make)(GenerationCall, ReplyFrame) = nullptr;
    std::string_view id_prefix = {};
  };
  static std::span<const Route> Routes();
  // Null: no such path; `allowed` gets the methods that the path has.
  static const Route* FindRoute(const HttpRequest& request, std::string* allowed);

  void ListModels(const HttpRequest& request, Exchange& exchange);
  void GetModel(const HttpRequest& request, Exchange& exchange);
  void Health(const HttpRequest& request, Exchange& exchange);
  void Livez(const HttpRequest& request, Exchange& exchange);
  void Readyz(const HttpRequest& request, Exchange& exchange);
  void Page(const HttpRequest& request, Exchange& exchange);
  void Docs(const HttpRequest& request, Exchange& exchange);
  void ShowMetrics(const HttpRequest& request, Exchange& exchange);
  void Generate(const Route& route, const HttpRequest& request, std::shared_ptr<Exchange> exchange);

  Result<GenerationCall> ReadCall(const Route& route, const HttpRequest& request) const;
  Status ChooseModel(GenerationCall* call) const;
  HttpResponse ErrorResponse(const HttpRequest& request, const Error& error, int status = 0);
  void SendJson(const HttpRequest& request, Exchange& exchange, int status,
                const std::string& body) const;
  void SendHtml(const HttpRequest& request, Exchange& exchange, std::string body) const;

  const ApiOptions options_;
  const Access access_;
  Gateway* const gateway_;
  Metrics metrics_;
  std::atomic<bool> draining_{false};
  std::atomic<const Listening*> listening_{nullptr};
  const int64_t started_s_;
};

}  // namespace ingle
