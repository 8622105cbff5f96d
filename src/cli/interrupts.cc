#include "cli/interrupts.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace ingle {
namespace {

int interrupts = -1;  // An eventfd: how many came since the last was taken.

bool Take() {
  uint64_t count = 0;
  return read(interrupts, &count, sizeof(count)) == static_cast<ssize_t>(sizeof(count));
}

void OnInterrupt(int) {
  const int error = errno;
  if (Take()) _exit(130);
  const uint64_t one = 1;
  if (write(interrupts, &one, sizeof(one)) < 0) _exit(130);
  errno = error;
}

}  // namespace

void CatchInterrupts() {
  interrupts = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (interrupts < 0) return;  // Ctrl-C goes on ending the program.
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;  // Without SA_RESTART: a waiting read ends.
  sigaction(SIGINT, &action, nullptr);
}

bool TakeInterrupt() { return Take(); }

int InterruptFd() { return interrupts; }

}  // namespace ingle
