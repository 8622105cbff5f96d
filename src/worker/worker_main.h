#pragma once
// The worker process: one model, served to one gateway over a Unix socket. It may die at any time.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "wire/worker_server.h"
#include "worker/worker_session.h"

namespace ingle {

struct WorkerOptions {
  std::string socket_path;  // In a directory of mode 0700, made by the gateway.
  pid_t gateway_pid = 0;    // The worker dies with it. 0: started by hand, stays.
};

using ReportLoading = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;
// Loads the model; runs on the main thread while the socket already answers.
using EngineFactory = std::function<Result<std::unique_ptr<Engine>>(const ReportLoading&)>;

inline constexpr int kWorkerDone = 0;
inline constexpr int kWorkerFailed = 1;
inline constexpr int kWorkerModelFile =
    65;  // EX_DATAERR: the model file is damaged or unsupported.

// A line on stderr, or none where nobody reads it.
void SayAsWorker(const std::string& message);

// A worker from its socket to its end. What it is made of must go in this order, last first.
struct WorkerRun {
  std::unique_ptr<WorkerSession> session;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<WorkerServer> server;
  int exit_code = kWorkerDone;
};
// Returns when the gateway has left, or has been told why there is no model (it gets
// failure_read_ms to read that).
WorkerRun RunWorker(const std::string& socket_path, const EngineFactory& load, int failure_read_ms);

// The process: its signals, its bond with the gateway, RunWorker. Returns the exit code of a failed
// start; else ends the process.
int WorkerMain(const WorkerOptions& options, const EngineFactory& load);

}  // namespace ingle
