#include "os/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

extern char** environ;

namespace ingle {
namespace {

constexpr int kFirstClosedFd = 3;

// Everything the child must not inherit from a server: descriptors, blocked signals, handlers.
class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addclosefrom_np(&actions_, kFirstClosedFd);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  posix_spawn_file_actions_t* actions() { return &actions_; }
  posix_spawnattr_t* attributes() { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

std::string ExitStatus::Describe() const {
  if (signal != 0)
    return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "exited with code " + std::to_string(code);
}

Result<Subprocess> Subprocess::Spawn(const std::string& executable,
                                     const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  SpawnSetup setup;
  pid_t pid = -1;
  const int error = posix_spawn(&pid, executable.c_str(), setup.actions(), setup.attributes(),
                                argv.data(), environ);
  if (error != 0)
    return Fail(ErrorCode::kInternal, "cannot start " + executable + ": " + strerror(error));
  // glibc 2.36 declares pidfd_open without C linkage.
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.valid()) {
    const std::string reason = strerror(errno);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return Fail(ErrorCode::kInternal, "cannot watch process " + std::to_string(pid) + ": " +
                                          reason + " (pidfd_open needs Linux 5.3 or later)");
  }
  return Subprocess(pid, std::move(pidfd));
}

Subprocess::Subprocess(Subprocess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      status_(other.status_) {}

Subprocess& Subprocess::operator=(Subprocess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(status_, other.status_);
  return *this;
}

Subprocess::~Subprocess() {
  if (pid_ <= 0 || status_) return;
  Signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Subprocess::Signal(int signal) const {
  // After reaping, the number may belong to somebody else.
  if (pid_ > 0 && !status_) kill(pid_, signal);
}

std::optional<ExitStatus> Subprocess::TryReap() {
  if (status_ || pid_ <= 0) return status_;
  int raw = 0;
  pid_t reaped = 0;
  do reaped = waitpid(pid_, &raw, WNOHANG);
  while (reaped < 0 && errno == EINTR);
  if (reaped == 0) return std::nullopt;
  ExitStatus status;
  if (reaped < 0)
    status.code = -1;
  else if (WIFSIGNALED(raw))
    status.signal = WTERMSIG(raw);
  else
    status.code = WEXITSTATUS(raw);
  status_ = status;
  return status_;
}

std::optional<ExitStatus> Subprocess::ReapWithin(int timeout_ms) {
  if (auto status = TryReap()) return status;
  pollfd waiting{pidfd_.get(), POLLIN, 0};
  while (poll(&waiting, 1, timeout_ms) < 0 && errno == EINTR) {
  }
  return TryReap();
}

Status DieWithParent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return Fail(ErrorCode::kInternal, std::string("prctl(PR_SET_PDEATHSIG): ") + strerror(errno));
  // It may have ended before the call above.
  if (getppid() != parent)
    return Fail(ErrorCode::kUnavailable, "the gateway (process " + std::to_string(parent) +
                                             ") is not this process's parent any more");
  return {};
}

}  // namespace ingle
