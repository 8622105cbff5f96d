#pragma once
// Termination signals as something to wait for, instead of handlers.

#include "base/result.h"
#include "os/unique_fd.h"

namespace ingle {

class SignalPipe {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread and all it starts later: call it before any
  // thread exists.
  static Result<SignalPipe> Open();
  int fd() const { return fd_.get(); }
  // Waits up to timeout_ms (-1: for ever) for a signal; 0 when none came.
  int Wait(int timeout_ms);

 private:
  explicit SignalPipe(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace ingle
