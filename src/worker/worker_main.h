#pragma once
// The worker process: one model, served to one gateway over a Unix socket. It may die at any time.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"

namespace ingle {

struct WorkerOptions {
  std::string socket_path;  // In a directory of mode 0700, made by the gateway.
  pid_t gateway_pid = 0;    // The worker dies with it. 0: started by hand, stays.
};

using ReportLoading = std::function<void(uint64_t bytes_done, uint64_t bytes_total)>;
// Loads the model; runs on the main thread while the socket already answers.
using EngineFactory = std::function<Result<std::unique_ptr<Engine>>(const ReportLoading&)>;

// Returns the process's exit code: 0 when the gateway left, 1 for a failed start, 65 when the model
// did not load.
int WorkerMain(const WorkerOptions& options, const EngineFactory& load);

}  // namespace ingle
