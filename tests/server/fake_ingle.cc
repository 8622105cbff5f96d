// The server with an engine that needs no model: `fake_ingle serve --port N ...` and, as its
// worker, `fake_ingle worker ...`. Environment: FAKE_STEP_MS, FAKE_LOAD=ok|fail, FAKE_CONTEXT,
// FAKE_SEQUENCES, FAKE_IGNORE_PAUSES, and FAKE_FLAGS, a folder: while it holds a file "load" the
// model is being loaded, while it holds "die" the worker dies at that; the other flags are in
// fake_engine.h.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>

#include "fake_engine.h"
#include "server/serve.h"
#include "worker/worker_main.h"

namespace {

int Number(const char* name, int otherwise) {
  const char* value = getenv(name);
  return value == nullptr ? otherwise : atoi(value);
}

ingle::Result<std::unique_ptr<ingle::Engine>> Load(const ingle::ReportLoading& report) {
  const char* named = getenv("FAKE_FLAGS");
  const std::string flags = named == nullptr ? "" : named;
  while (ingle::HasFlag(flags, "load")) {
    report(1, 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::string how = getenv("FAKE_LOAD") == nullptr ? "ok" : getenv("FAKE_LOAD");
  if (how == "fail")
    return ingle::Fail(ingle::ErrorCode::kCorruptFile, "model.gguf: tensor 'a' is outside the file",
                       "a");
  if (ingle::HasFlag(flags, "die")) abort();
  ingle::FakeEngineOptions options;
  options.flags = flags;
  options.step_ms = Number("FAKE_STEP_MS", options.step_ms);
  options.ignores_pauses = Number("FAKE_IGNORE_PAUSES", 0) != 0;
  options.max_sequences =
      static_cast<uint32_t>(Number("FAKE_SEQUENCES", static_cast<int>(options.max_sequences)));
  options.context =
      static_cast<uint32_t>(Number("FAKE_CONTEXT", static_cast<int>(options.context)));
  return ingle::MakeFakeEngine(options);
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 2; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "worker")
    return ingle::WorkerMain({flags["--socket"], atoi(flags["--gateway-pid"].c_str())}, Load);
  if (command != "serve") return 2;
  ingle::ServeOptions options;
  options.model_id = "fake";
  options.worker_arguments = {"fake_ingle", "worker"};
  options.port = static_cast<uint16_t>(atoi(flags["--port"].c_str()));
  if (flags.contains("--host")) options.host = flags["--host"];
  if (flags.contains("--api-key")) options.api_keys = {flags["--api-key"]};
  if (flags.contains("--stall-ms")) options.stall_timeout_ms = atoi(flags["--stall-ms"].c_str());
  if (flags.contains("--load-wait-ms"))
    options.load_wait_ms = atoi(flags["--load-wait-ms"].c_str());
  if (flags.contains("--drain-ms")) options.drain_timeout_ms = atoi(flags["--drain-ms"].c_str());
  if (flags.contains("--first-byte-ms"))
    options.http.first_byte_timeout_ms = atoi(flags["--first-byte-ms"].c_str());
  if (flags.contains("--head-ms")) options.http.head_timeout_ms = atoi(flags["--head-ms"].c_str());
  if (flags.contains("--drain-notice-ms"))
    options.drain_notice_ms = atoi(flags["--drain-notice-ms"].c_str());
  if (flags.contains("--write-timeout-ms"))
    options.http.write_timeout_ms = atoi(flags["--write-timeout-ms"].c_str());
  if (flags.contains("--body-idle-ms"))
    options.http.body_idle_timeout_ms = atoi(flags["--body-idle-ms"].c_str());
  if (flags.contains("--body-budget"))
    options.http.body_budget_bytes = static_cast<size_t>(atoi(flags["--body-budget"].c_str()));
  if (flags.contains("--allow-origin")) options.allowed_origins = {flags["--allow-origin"]};
  return ingle::ServeMain(options);
}
