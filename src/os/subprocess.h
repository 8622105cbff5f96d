#pragma once
// A child process started with posix_spawn (never fork: gRPC's threads do not survive one) and
// watched by a pidfd.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/unique_fd.h"

namespace ingle {

struct ExitStatus {
  int code = 0;                  // Exit code when signal is 0.
  int signal = 0;                // The signal that ended it, else 0.
  std::string Describe() const;  // "was killed by signal 9 (Killed)", "exited with code 2".
};

class Subprocess {
 public:
  // arguments[0] is the program's own name. The child keeps stdin, stdout and stderr and no other
  // descriptor; its signal mask is empty and every handler is the default.
  static Result<Subprocess> Spawn(const std::string& executable,
                                  const std::vector<std::string>& arguments);

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept;
  ~Subprocess();  // Kills and reaps a child that still runs.

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }  // Readable once the child has ended.
  void Signal(int signal) const;
  std::optional<ExitStatus> TryReap();  // nullopt while it runs.
  // Waits up to timeout_ms; nullopt when it still runs then.
  std::optional<ExitStatus> ReapWithin(int timeout_ms);

 private:
  Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::optional<ExitStatus> status_;
};

// Ends this process when its parent thread ends. Fails when `parent` is already gone.
Status DieWithParent(pid_t parent);

}  // namespace ingle
