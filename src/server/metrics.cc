#include "server/metrics.h"

namespace ingle {

std::string MetricsText(const Metrics& metrics, const GatewayStatus& status,
                        const HttpServer* http) {
  std::string out;
  const auto add_text = [&out](const char* name, const char* type, const char* help,
                               const std::string& value) {
    out.append("# HELP ").append(name).append(" ").append(help).append("\n");
    out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    out.append(name).append(" ").append(value).append("\n");
  };
  const auto add = [&](const char* name, const char* type, const char* help, uint64_t value) {
    add_text(name, type, help, std::to_string(value));
  };
  const auto add_seconds = [&](const char* name, const char* help, uint64_t us) {
    add_text(name, "counter", help, std::to_string(static_cast<double>(us) * 1e-6));
  };
  add("ingle_http_requests_total", "counter", "HTTP requests read", metrics.requests);
  add("ingle_http_errors_4xx_total", "counter", "Replies with a 4xx status", metrics.errors_4xx);
  add("ingle_http_errors_5xx_total", "counter", "Replies with a 5xx status", metrics.errors_5xx);
  add("ingle_http_connections", "gauge", "Open connections",
      http != nullptr ? http->connections() : 0);
  add("ingle_http_body_bytes", "gauge", "Bytes of large request bodies in memory",
      http != nullptr ? http->body_bytes() : 0);
  add("ingle_generations_total", "counter", "Generation calls begun", metrics.generations);
  add("ingle_generations_failed_total", "counter", "Generation calls that ended in an error",
      metrics.generations_failed);
  add("ingle_clients_gone_total", "counter", "Clients that left before their answer ended",
      metrics.clients_gone);
  add("ingle_prompt_tokens_total", "counter", "Prompt tokens of finished generations",
      metrics.prompt_tokens);
  add("ingle_completion_tokens_total", "counter", "Tokens generated", metrics.completion_tokens);
  add("ingle_requests_in_flight", "gauge", "Requests with the worker or waiting for it",
      status.in_flight);
  add("ingle_sequences_running", "gauge", "Sequences in the worker's steps", status.running);
  add("ingle_sequences_paused", "gauge", "Requests whose clients read too slowly", status.paused);
  add("ingle_sequences_queued", "gauge", "Requests in the worker's queue", status.queued);
  add("ingle_worker_steps_total", "counter", "Steps of the running worker", status.steps);
  add_seconds("ingle_worker_step_seconds_total", "Time that these steps took", status.step_us);
  add_seconds("ingle_worker_model_seconds_total", "Of it, time within the model", status.model_us);
  add("ingle_worker_restarts_total", "counter", "Workers started after the first", status.restarts);
  add("ingle_model_ready", "gauge", "1 while the model can answer",
      status.state == ModelState::kReady ? 1 : 0);
  return out;
}

}  // namespace ingle
