#pragma once
// `ingle serve`: gateway, worker and HTTP in one call.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "http/server.h"

namespace ingle {

struct ServeOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 3000;  // 0: any free one; printed.
  std::vector<std::string> api_keys;
  std::vector<std::string> allowed_origins;  // Web pages that may use the server, besides its own.
  std::string model_id;
  bool strict_model = false;
  std::optional<uint64_t> seed;  // Of requests that name none; absent: drawn for each.
  std::string executable = "/proc/self/exe";
  // argv of the worker, its name first: {"ingle", "worker", "--model", path, ...}. The gateway
  // appends
  // "--socket PATH --gateway-pid N".
  std::vector<std::string> worker_arguments;
  int load_wait_ms = 120'000;  // A request's wait for a loading or restarting worker.
  int stall_timeout_ms = 30'000;
  int drain_timeout_ms = 30'000;  // For what runs when the end is asked for.
  // After SIGTERM, at least: new work is refused with 503 so long that whoever distributes requests
  // has seen it. Not after Ctrl-C, where a person waits.
  int drain_notice_ms = 5'000;
  bool quiet = false;      // Only warnings and errors in the log.
  HttpServerOptions http;  // Limits and timeouts; its address and port are those above.
};

// Runs until SIGTERM, SIGINT or SIGHUP, then drains; a second signal ends it at once. Call it
// before any thread exists. Returns the exit code: 0, 1 (the model did not load, the port is
// taken), 65 (the model file is damaged or not supported), 78 (refused configuration).
int ServeMain(const ServeOptions& options);

}  // namespace ingle
