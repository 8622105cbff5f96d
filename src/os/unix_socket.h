#pragma once
// Stream sockets in a private directory, between processes of one user.

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "os/unique_fd.h"

namespace ingle {

// A directory of mode 0700 under $XDG_RUNTIME_DIR or $TMPDIR or /tmp; removed with what lies in it
// at the end.
class PrivateDirectory {
 public:
  static Result<PrivateDirectory> Make(const std::string& prefix);
  PrivateDirectory(PrivateDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PrivateDirectory& operator=(PrivateDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~PrivateDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit PrivateDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<UniqueFd> ListenUnix(const std::string& path);
// Waits up to timeout_ms for a peer of this process's user; others are dropped. kDeadline when none
// came.
Result<UniqueFd> AcceptUnix(int listener, int timeout_ms);
// The peer must run as this process's user, and as process `peer` when that is positive.
Result<UniqueFd> ConnectUnix(const std::string& path, pid_t peer);

}  // namespace ingle
