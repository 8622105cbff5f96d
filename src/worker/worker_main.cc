#include "worker/worker_main.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>

#include "os/subprocess.h"

namespace ingle {
namespace {

constexpr int kFailureReadTimeoutMs = 5000;  // For the gateway to read why the model did not load.

// When memory runs out, the kernel should take the worker, not the gateway.
void OfferToOutOfMemoryKiller() {
  if (FILE* file = fopen("/proc/self/oom_score_adj", "w")) {
    fputs("500", file);
    fclose(file);
  }
}

int Complain(const Error& error, int code) {
  fprintf(stderr, "ingle worker: %s\n", error.message.c_str());
  return code;
}

// As the commands end for the same error.
int ExitCodeOf(const Error& error) {
  const bool file = error.code == ErrorCode::kCorruptFile || error.code == ErrorCode::kUnsupported;
  return file ? kWorkerModelFile : kWorkerFailed;
}

}  // namespace

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
  for (const Warning& warning : run.engine->warnings())
    fprintf(stderr, "ingle worker: %s\n", warning.message.c_str());
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
