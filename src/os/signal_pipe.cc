#include "os/signal_pipe.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <string>

namespace ingle {

Result<SignalPipe> SignalPipe::Open() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  UniqueFd fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return Fail(ErrorCode::kInternal, std::string("signalfd: ") + strerror(errno));
  return SignalPipe(std::move(fd));
}

int SignalPipe::Wait(int timeout_ms) {
  pollfd waiting{fd_.get(), POLLIN, 0};
  if (poll(&waiting, 1, timeout_ms) <= 0) return 0;
  signalfd_siginfo info{};
  if (read(fd_.get(), &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return 0;
  return static_cast<int>(info.ssi_signo);
}

}  // namespace ingle
