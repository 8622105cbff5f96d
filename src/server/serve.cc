#include "server/serve.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "gateway/gateway.h"
#include "os/signal_pipe.h"
#include "server/api_handler.h"
#include "server/log.h"

namespace ingle {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitModelFile = 65;      // As all commands end for such a file.
constexpr int kExitConfiguration = 78;  // EX_CONFIG.
constexpr int kPollMs = 50;
constexpr int kFlushMs = 1000;
constexpr int kLogFlushMs = 1000;

int Complain(const Error& error, int code) {
  LogPlain("ingle serve: " + error.message);
  return code;
}

// A connection is a descriptor, and the soft limit is often 1024.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string UrlOf(const ServeOptions& options, uint16_t port) {
  const std::string name =
      IsLoopbackName(options.host) || options.host == "0.0.0.0" ? "localhost" : options.host;
  return "http://" + name + ":" + std::to_string(port);
}

// Waits for the first load; a signal or a failed load ends it.
int WaitForModel(Gateway& gateway, SignalPipe& signals) {
  while (true) {
    if (signals.Wait(0) != 0) return 128;
    const ModelState state = gateway.WaitForFirstLoad(kPollMs);
    if (state == ModelState::kReady) return 0;
    if (state == ModelState::kFailed) {
      const GatewayStatus status = gateway.status();
      const bool file = status.load_failure == ErrorCode::kCorruptFile ||
                        status.load_failure == ErrorCode::kUnsupported;
      return Complain(status.failure ? *status.failure : Error{},
                      file ? kExitModelFile : kExitFailed);
    }
  }
}

// New work is refused; what runs may end, and what was made may be read. A second signal ends it at
// once.
void Drain(Gateway& gateway, const HttpServer& http, SignalPipe& signals, int notice_ms,
           int timeout_ms) {
  using Clock = std::chrono::steady_clock;
  const auto begun = Clock::now();
  const auto noticed = begun + std::chrono::milliseconds(std::min(notice_ms, timeout_ms));
  const auto deadline = begun + std::chrono::milliseconds(timeout_ms);
  Log(LogLevel::kInfo, "draining", {{"in_flight", std::to_string(gateway.status().in_flight)}});
  const auto busy = [&] { return gateway.status().in_flight > 0 || http.replies() > 0; };
  while (Clock::now() < noticed || (busy() && Clock::now() < deadline))
    if (signals.Wait(kPollMs) != 0) return;
}

// Errors that are the last of their replies still go out, to whoever takes them.
void FlushReplies(const HttpServer& http, SignalPipe& signals) {
  for (int waited_ms = 0; http.replies() > 0 && waited_ms < kFlushMs; waited_ms += kPollMs)
    if (signals.Wait(kPollMs) != 0) return;
}

GatewayOptions GatewayOptionsOf(const ServeOptions& options) {
  GatewayOptions out;
  out.executable = options.executable;
  out.worker_arguments = options.worker_arguments;
  out.start_wait_ms = options.load_wait_ms;
  out.stall_timeout_ms = options.stall_timeout_ms;
  out.log = [](bool is_error, const std::string& message) {
    Log(is_error ? LogLevel::kError : LogLevel::kInfo, "gateway", {{"message", message}});
  };
  return out;
}

// 0.95, where JSON would say 9.5E-1.
std::string ValueText(const json::value& value) {
  if (!value.is_double()) return json::serialize(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value.get_double());
  return text;
}

// Which values the model's files set for requests that set none.
void LogDefaults(const json::object& text_facts) {
  const json::value* sampling = text_facts.if_contains("sampling");
  if (sampling == nullptr || !sampling->is_object()) return;
  for (const auto& [field, entry] : sampling->get_object()) {
    const json::object* parts = entry.if_object();
    const json::value* key = parts == nullptr ? nullptr : parts->if_contains("key");
    if (key == nullptr || !key->is_string() || !parts->contains("value")) continue;
    Log(LogLevel::kInfo, "model_default",
        {{"field", field},
         {"value", ValueText(parts->at("value"))},
         {"key", std::string(key->get_string())}});
  }
}

void LogReady(const std::string& model_id, const GatewayStatus& status) {
  Log(LogLevel::kInfo, "ready",
      {{"model", model_id},
       {"tier", status.model ? status.model->tier : ""},
       {"context", status.model ? std::to_string(status.model->context) : ""},
       {"arithmetic", status.model ? status.model->arithmetic_class : ""}});
  if (status.model) LogDefaults(status.model->text_facts);
}

int Serve(const ServeOptions& options) {
  auto signals = SignalPipe::Open();
  if (!signals) return Complain(signals.error(), kExitFailed);
  if (options.quiet) SetLogLevel(LogLevel::kWarning);
  auto access = Access::Make({options.host, options.api_keys, options.allowed_origins});
  if (!access) return Complain(access.error(), kExitConfiguration);
  RaiseDescriptorLimit();
  auto gateway = Gateway::Start(GatewayOptionsOf(options));
  if (!gateway) return Complain(gateway.error(), kExitFailed);
  ApiHandler handler({options.model_id, options.strict_model, options.seed}, *std::move(access),
                     gateway->get());
  HttpServerOptions http_options = options.http;
  http_options.address = options.host == "localhost" ? "127.0.0.1" : options.host;
  http_options.port = options.port;
  http_options.log = [](const std::string& message) {
    Log(LogLevel::kError, "http", {{"message", message}});
  };
  auto http = HttpServer::Start(http_options, &handler);
  if (!http) return Complain(http.error(), kExitFailed);
  const std::string url = UrlOf(options, (*http)->port());
  const ApiHandler::Listening listening{http->get(), url};
  handler.SetListening(&listening);
  Log(LogLevel::kInfo, "loading", {{"model", options.model_id}, {"url", url}});
  int code = WaitForModel(**gateway, *signals);
  if (code == 0) {
    LogReady(options.model_id, (*gateway)->status());
    printf("%s\n", url.c_str());
    fflush(stdout);
    int signal = 0;
    while (signal == 0) signal = signals->Wait(-1);
    handler.SetDraining();
    Drain(**gateway, **http, *signals, signal == SIGTERM ? options.drain_notice_ms : 0,
          options.drain_timeout_ms);
  }
  (*gateway)->Stop();  // Requests that are left get an error.
  FlushReplies(**http, *signals);
  http->reset();
  return code == 128 ? 0 : code;
}

}  // namespace

int ServeMain(const ServeOptions& options) {
  signal(SIGPIPE, SIG_IGN);  // A log that nobody reads any more is no reason to end.
  const int code = Serve(options);
  FlushLog(kLogFlushMs);
  return code;
}

}  // namespace ingle
