#include "os/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace ingle {
namespace {

constexpr int kBacklog = 4;

std::string Reason() { return strerror(errno); }

Result<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return Fail(ErrorCode::kTooLarge, "the socket path " + path + " has " +
                                          std::to_string(path.size()) + " bytes, at most " +
                                          std::to_string(sizeof(address.sun_path) - 1) +
                                          " fit; set TMPDIR to a shorter directory");
  memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

Result<UniqueFd> NewSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return Fail(ErrorCode::kInternal, "socket(AF_UNIX): " + Reason());
  return fd;
}

Result<ucred> PeerOf(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Fail(ErrorCode::kInternal, "getsockopt(SO_PEERCRED): " + Reason());
  return peer;
}

const char* RuntimeRoot() {
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    const char* value = getenv(name);
    if (value != nullptr && value[0] == '/' && access(value, W_OK | X_OK) == 0) return value;
  }
  return "/tmp";
}

}  // namespace

Result<PrivateDirectory> PrivateDirectory::Make(const std::string& prefix) {
  std::string path = std::string(RuntimeRoot()) + "/" + prefix + "-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)  // Creates with mode 0700.
    return Fail(ErrorCode::kInternal, "cannot make the directory " + path + ": " + Reason());
  return PrivateDirectory(path);
}

PrivateDirectory::~PrivateDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Result<UniqueFd> ListenUnix(const std::string& path) {
  INGLE_TRY(const sockaddr_un address, Address(path));
  INGLE_TRY(UniqueFd fd, NewSocket());
  unlink(path.c_str());
  const mode_t old_mask = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const std::string reason = Reason();
  umask(old_mask);
  if (bound != 0) return Fail(ErrorCode::kInternal, "cannot bind " + path + ": " + reason);
  if (listen(fd.get(), kBacklog) != 0)
    return Fail(ErrorCode::kInternal, "cannot listen on " + path + ": " + Reason());
  return fd;
}

Result<UniqueFd> AcceptUnix(int listener, int timeout_ms) {
  pollfd waiting{listener, POLLIN, 0};
  if (poll(&waiting, 1, timeout_ms) <= 0) return Fail(ErrorCode::kDeadline, "nobody connected");
  UniqueFd fd(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return Fail(ErrorCode::kUnavailable, "accept: " + Reason());
  INGLE_TRY(const ucred peer, PeerOf(fd.get()));
  if (peer.uid != geteuid())
    return Fail(ErrorCode::kInvalidRequest, "a process of another user (uid " +
                                                std::to_string(peer.uid) +
                                                ") connected and was dropped");
  return fd;
}

Result<UniqueFd> ConnectUnix(const std::string& path, pid_t peer_pid) {
  INGLE_TRY(const sockaddr_un address, Address(path));
  INGLE_TRY(UniqueFd fd, NewSocket());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return Fail(ErrorCode::kUnavailable, "cannot connect to " + path + ": " + Reason());
  INGLE_TRY(const ucred peer, PeerOf(fd.get()));
  if (peer.uid != geteuid() || (peer_pid > 0 && peer.pid != peer_pid))
    return Fail(ErrorCode::kInvalidRequest, "process " + std::to_string(peer.pid) + " of uid " +
                                                std::to_string(peer.uid) + " answers on " + path +
                                                ", not the worker that was started");
  return fd;
}

}  // namespace ingle
