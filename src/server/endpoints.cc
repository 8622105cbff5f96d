// What each route of api_handler.cc answers.
#include <random>

#include "api/error_json.h"
#include "api/models.h"
#include "api/sse.h"
#include "base/json.h"
#include "server/api_handler.h"
#include "server/docs_page.h"
#include "server/served_call.h"
#include "server/start_page.h"

namespace ingle {
namespace {

constexpr uint64_t kLargestDrawnSeed = (uint64_t{1} << 53) - 1;  // JavaScript reads it exactly.
constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

uint64_t DrawSeed() {
  static thread_local std::random_device random;
  return ((uint64_t{random()} << 32) | random()) & kLargestDrawnSeed;
}

// Choice i of n gets seed + i, whatever else is in the call.
void SetSeeds(std::optional<uint64_t> server_seed, GenerationCall* call) {
  auto given = call->requests[0].sampling.seed;
  if (!given) given = server_seed;
  const uint64_t base = given ? *given : DrawSeed();
  for (size_t i = 0; i < call->requests.size(); ++i)
    call->requests[i].sampling.seed = base + i % call->choices_per_prompt;
}

std::string LoadText(const GatewayStatus& status) {
  std::string text(ModelStateName(status.state));
  const bool loads =
      status.state == ModelState::kLoading || status.state == ModelState::kRestarting;
  if (loads && status.loading.bytes_total > 0)
    text +=
        " " + std::to_string(100 * status.loading.bytes_done / status.loading.bytes_total) + " %";
  return text;
}

ModelEntry EntryOf(const std::string& id, int64_t created_s, const GatewayStatus& status) {
  ModelEntry entry{id, created_s, std::string(ModelStateName(status.state)), 0, {}, {}};
  if (status.model) {
    entry.context = status.model->context;
    entry.architecture = status.model->architecture;
    entry.text_facts = status.model->text_facts;
  }
  return entry;
}

}  // namespace

void ApiHandler::SendJson(const HttpRequest& request, Exchange& exchange, int status,
                          const std::string& body) const {
  HttpResponse response{status, access_.CorsHeaders(request), body};
  response.headers.emplace_back("Content-Type", "application/json");
  exchange.Send(std::move(response));
}

void ApiHandler::SendHtml(const HttpRequest& request, Exchange& exchange, std::string body) const {
  HttpResponse response{200, access_.CorsHeaders(request), std::move(body)};
  response.headers.emplace_back("Content-Type", "text/html; charset=utf-8");
  response.headers.emplace_back("Content-Security-Policy", kPagePolicy);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  exchange.Send(std::move(response));
}

void ApiHandler::ListModels(const HttpRequest& request, Exchange& exchange) {
  SendJson(request, exchange, 200,
           JsonText(ModelListJson(EntryOf(options_.model_id, started_s_, gateway_->status()))));
}

void ApiHandler::GetModel(const HttpRequest& request, Exchange& exchange) {
  std::string id;
  bool found = false;
  for (const std::string& segment : request.segments) {
    if (found) id += (id.empty() ? "" : "/") + segment;
    found = found || segment == "models";
  }
  if (id == options_.model_id)
    return SendJson(request, exchange, 200,
                    JsonText(ModelJson(EntryOf(id, started_s_, gateway_->status()))));
  exchange.Send(ErrorResponse(
      request, {ErrorCode::kNotFound,
                "The model '" + id.substr(0, 200) +
                    "' does not exist; use the one this server has, '" + options_.model_id + "'",
                "model", "model_not_found"}));
}

void ApiHandler::Health(const HttpRequest& request, Exchange& exchange) {
  const GatewayStatus status = gateway_->status();
  const bool fine = status.state == ModelState::kReady && !draining_;
  json::object body{{"status", fine        ? "ok"
                               : draining_ ? "draining"
                                           : LoadText(status)},
                    {"model", ModelStateName(status.state)},
                    {"running", status.running},
                    {"queued", status.queued},
                    {"in_flight", status.in_flight},
                    {"restarts", status.restarts}};
  SendJson(request, exchange, fine ? 200 : 503, JsonText(body));
}

void ApiHandler::Livez(const HttpRequest& request, Exchange& exchange) {
  SendJson(request, exchange, 200, R"({"status":"ok"})");
}

void ApiHandler::Readyz(const HttpRequest& request, Exchange& exchange) {
  const GatewayStatus status = gateway_->status();
  const bool ready = status.state == ModelState::kReady && !draining_;
  const std::string reason = draining_ ? "draining" : LoadText(status);
  SendJson(request, exchange, ready ? 200 : 503,
           JsonText(json::object{{"status", ready ? "ready" : "not ready"}, {"model", reason}}));
}

void ApiHandler::Page(const HttpRequest& request, Exchange& exchange) {
  const Listening* listening = listening_;
  SendHtml(request, exchange,
           StartPage(options_.model_id, gateway_->status(),
                     listening != nullptr ? listening->url : "http://localhost:3000"));
}

void ApiHandler::Docs(const HttpRequest& request, Exchange& exchange) {
  SendHtml(request, exchange, DocsPage());
}

void ApiHandler::ShowMetrics(const HttpRequest& request, Exchange& exchange) {
  const Listening* listening = listening_;
  HttpResponse response{
      200, access_.CorsHeaders(request),
      MetricsText(metrics_, gateway_->status(), listening != nullptr ? listening->http : nullptr)};
  response.headers.emplace_back("Content-Type", "text/plain; version=0.0.4");
  exchange.Send(std::move(response));
}

Status ApiHandler::ChooseModel(GenerationCall* call) const {
  if (call->model == options_.model_id) return {};
  if (options_.strict_model)
    return Fail(ErrorCode::kNotFound,
                "The model '" + call->model.substr(0, 200) +
                    "' does not exist; use the one this server has, '" + options_.model_id + "'",
                "model", "model_not_found");
  if (call->model.empty())
    call->warnings.push_back(
        {"model_defaulted", "model", "no model was named; '" + options_.model_id + "' answered"});
  else
    call->warnings.push_back({"model_substituted", "model",
                              "there is no model '" + call->model.substr(0, 200) + "' here; '" +
                                  options_.model_id + "' answered"});
  return {};
}

Result<GenerationCall> ApiHandler::ReadCall(const Route& route, const HttpRequest& request) const {
  if (request.body.empty())
    return Fail(ErrorCode::kInvalidRequest,
                "the body is empty; send the fields as a JSON object, see GET /docs", "",
                "invalid_json");
  JsonLimits limits;
  limits.unique_keys = limits.big_integers = true;
  auto body = ParseJson(request.body, "the body", limits);
  if (!body) {
    Error& error = body.error();
    if (error.id.empty()) {
      error.id = "invalid_json";
      error.message += "; send one JSON object in UTF-8";
    }
    return std::unexpected(std::move(error));
  }
  if (IfObject(*body) == nullptr)
    return Fail(ErrorCode::kInvalidRequest,
                "the body is JSON, but not an object; send the fields as {\"name\": value}", "",
                "invalid_json");
  INGLE_TRY(GenerationCall call, route.parse(body->get_object()));
  INGLE_RETURN_IF_ERROR(ChooseModel(&call));
  SetSeeds(options_.seed, &call);
  for (GenerateRequest& generate : call.requests)
    generate.cache_scope = access_.ScopeOf(request) + "/" + generate.cache_scope;
  return call;
}

void ApiHandler::Generate(const Route& route, const HttpRequest& request,
                          std::shared_ptr<Exchange> exchange) {
  auto call = ReadCall(route, request);
  if (!call) return exchange->Send(ErrorResponse(request, call.error()));
  const GatewayStatus status = gateway_->status();
  ReplyFrame frame;
  frame.id = std::string(route.id_prefix) + request.id.substr(request.id.find('_') + 1);
  frame.created_s = std::time(nullptr);
  frame.model = call->model.empty() ? options_.model_id : call->model;
  frame.fingerprint =
      "ingle-" + (status.model ? status.model->arithmetic_class : std::string("loading"));
  auto generation = std::make_shared<ServedCall>(
      gateway_, &metrics_, route.make(*std::move(call), std::move(frame)), std::move(exchange),
      access_.CorsHeaders(request), request.id);
  generation->Start();
}

}  // namespace ingle
