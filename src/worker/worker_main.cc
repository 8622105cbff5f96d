#include "worker/worker_main.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>

#include "os/subprocess.h"
#include "worker/worker_session.h"

namespace ingle {
namespace {

constexpr int kExitStartFailed = 1;
constexpr int kExitModelFailed = 65;         // EX_DATAERR.
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

}  // namespace

int WorkerMain(const WorkerOptions& options, const EngineFactory& load) {
  // Ctrl-C reaches the whole terminal group; the gateway decides what happens then.
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (options.gateway_pid > 0) {
    // The gateway starts this process from a thread that lives as long as itself.
    if (auto bound = DieWithParent(options.gateway_pid); !bound)
      return Complain(bound.error(), kExitStartFailed);
    OfferToOutOfMemoryKiller();
  }
  // Never destroyed: threads of the engine may still report while the process ends.
  auto* session = new WorkerSession;
  auto server = WorkerServer::Start(options.socket_path, session);
  if (!server) return Complain(server.error(), kExitStartFailed);
  auto engine =
      load([session](uint64_t done, uint64_t total) { session->ReportLoading(done, total); });
  int code = 0;
  if (engine) {
    for (const Warning& warning : (*engine)->warnings())
      fprintf(stderr, "ingle worker: %s\n", warning.message.c_str());
    session->ReportReady(engine->get());
    session->WaitForEnd(-1);
  } else {
    session->ReportFailed(engine.error());
    session->WaitForEnd(kFailureReadTimeoutMs);
    code = kExitModelFailed;
  }
  // Freeing gigabytes and joining busy threads would only delay the end.
  fflush(nullptr);
  _Exit(code);
}

}  // namespace ingle
