#include "worker/worker_main.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "os/subprocess.h"

namespace ingle {
namespace {

constexpr int kSayTimeoutMs = 100;
constexpr int kFailureReadTimeoutMs = 5000;  // For the gateway to read why the model did not load.

// When memory runs out, the kernel should take the worker, not the gateway.
void OfferToOutOfMemoryKiller() {
  if (FILE* file = fopen("/proc/self/oom_score_adj", "w")) {
    fputs("500", file);
    fclose(file);
  }
}

int Complain(const Error& error, int code) {
  SayAsWorker(error.message);
  return code;
}

// As the commands end for the same error.
int ExitCodeOf(const Error& error) {
  const bool file = error.code == ErrorCode::kCorruptFile || error.code == ErrorCode::kUnsupported;
  return file ? kWorkerModelFile : kWorkerFailed;
}

}  // namespace

// Where nobody reads stderr, the pipe may be full, and a worker that waited would serve nobody.
void SayAsWorker(const std::string& message) {
  const std::string line = ("ingle worker: " + message).substr(0, PIPE_BUF - 1) + "\n";
  pollfd waiting{STDERR_FILENO, POLLOUT, 0};
  if (poll(&waiting, 1, kSayTimeoutMs) > 0) (void)!write(STDERR_FILENO, line.data(), line.size());
}

WorkerRun RunWorker(const std::string& socket_path, const EngineFactory& load,
                    int failure_read_ms) {
  WorkerRun run;
  run.session = std::make_unique<WorkerSession>();
  WorkerSession* session = run.session.get();
  auto server = WorkerServer::Start(socket_path, session);
  if (!server) {
    run.exit_code = Complain(server.error(), kWorkerFailed);
    return run;
  }
  run.server = *std::move(server);
  auto engine =
      load([session](uint64_t done, uint64_t total) { session->ReportLoading(done, total); });
  if (!engine) {
    run.exit_code = ExitCodeOf(engine.error());
    session->ReportFailed(std::move(engine).error());
    session->WaitForEnd(failure_read_ms);
    return run;
  }
  run.engine = *std::move(engine);
  if (const json::value* warnings = run.engine->text_facts().if_contains("warnings"))
    for (const json::value& warning : warnings->as_array())
      SayAsWorker(std::string(warning.as_string()));
  session->ReportReady(run.engine.get());
  session->WaitForEnd(-1);
  return run;
}

int WorkerMain(const WorkerOptions& options, const EngineFactory& load) {
  // Ctrl-C reaches the whole terminal group; the gateway decides what happens then.
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (options.gateway_pid > 0) {
    // The gateway starts this process from a thread that lives as long as itself.
    if (auto bound = DieWithParent(options.gateway_pid); !bound)
      return Complain(bound.error(), kWorkerFailed);
    OfferToOutOfMemoryKiller();
  }
  const WorkerRun run = RunWorker(options.socket_path, load, kFailureReadTimeoutMs);
  // Freeing gigabytes and joining busy threads would only delay the end.
  fflush(nullptr);
  _Exit(run.exit_code);
}

}  // namespace ingle
