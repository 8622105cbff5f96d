#pragma once
// A worker process without an engine, for tests of the gateway: what it does wrong is said by its
// arguments (the load) and by each request's prompt (wire/scripted_service.h).

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "os/subprocess.h"
#include "wire/scripted_service.h"

namespace ingle {

inline bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// argv: {name, "scripted-worker", how, file, "--socket", path, "--gateway-pid", pid}
inline int ScriptedWorkerMain(char** argv) {
  const std::string how = argv[2], file = argv[3];
  if (!DieWithParent(atoi(argv[7]))) return 1;
  if (how == "die-while" && Exists(file)) raise(SIGKILL);
  if (how == "exit65") return 65;
  ScriptedService service;
  if (how == "other-build") service.build = "ingle 0.0 of long ago";
  auto server = WorkerServer::Start(argv[5], &service);
  if (!server) return 1;
  while (how == "load-while" && Exists(file)) {
    service.ReportLoad(LoadingState{43, 100});
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (how == "corrupt") service.ReportLoad(Error{ErrorCode::kCorruptFile, "it is broken", "", ""});
  if (how == "memory") service.ReportLoad(Error{ErrorCode::kOutOfMemory, "too big", "", ""});
  if (how != "corrupt" && how != "memory") service.ReportLoad(*service.Describe());
  service.WaitForEnd();
  _exit(0);
}

}  // namespace ingle
