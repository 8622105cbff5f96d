#include "os/atomic_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

namespace ingle {
namespace {

constexpr mode_t kMode = 0666;  // Less the process's mask.
constexpr mode_t kPrivateMode = 0600;
constexpr int kTries = 100;  // Of names for the temporary file.

std::string Reason(int error) { return std::generic_category().message(error); }

std::unexpected<Error> Exists(const std::string& path) {
  return Fail(ErrorCode::kInvalidRequest,
              path + " exists already; choose another name, or allow it to be replaced (--force)",
              {}, "output_exists");
}

std::string TemporaryName(const std::string& path, int attempt) {
  std::string name = path + ".part-" + std::to_string(::getpid());
  return attempt > 0 ? name + "-" + std::to_string(attempt) : name;
}

// The file that a link leads to is what is replaced, not the link.
std::string Resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         std::free);
  return real == nullptr ? path : real.get();
}

// Where nothing of that name may be.
int RenameFresh(const char* from, const char* to) {
  if (::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system that cannot do it in one go.
  struct stat facts;
  if (::lstat(to, &facts) == 0) return EEXIST;
  return ::rename(from, to) == 0 ? 0 : errno;
}

}  // namespace

Result<AtomicFile> AtomicFile::Checked(const std::string& path, bool replace) {
  if (path.empty() || path.find('\0') != std::string::npos)
    return Fail(ErrorCode::kInvalidRequest, "the name of the output file is empty or holds a NUL");
  struct stat facts;
  const bool exists = ::stat(path.c_str(), &facts) == 0;
  if (exists && !S_ISREG(facts.st_mode)) {
    return Fail(ErrorCode::kInvalidRequest,
                path + (S_ISDIR(facts.st_mode) ? " is a directory" : " is not a regular file") +
                    "; give the name of a file to write");
  }
  if (exists && !replace) return Exists(path);
  AtomicFile made;
  made.path_ = exists ? Resolved(path) : path;
  made.replace_ = replace;
  return made;
}

Status AtomicFile::OpenNamed(unsigned mode) {
  for (int i = 0; i < kTries && !file_.valid(); ++i) {
    const std::string name = TemporaryName(path_, i);
    file_ = UniqueFd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file_.valid()) temporary_ = name;
    if (!file_.valid() && errno != EEXIST) break;
  }
  if (file_.valid()) return {};
  return Fail(ErrorCode::kInvalidRequest, "cannot write " + path_ + ": " + Reason(errno));
}

Result<AtomicFile> AtomicFile::Create(const std::string& path, bool replace, uint64_t bytes) {
  INGLE_TRY(AtomicFile made, Checked(path, replace));
  INGLE_RETURN_IF_ERROR(made.OpenNamed(kMode));
  INGLE_RETURN_IF_ERROR(made.Reserve(bytes));
  return made;
}

Result<AtomicFile> AtomicFile::CreatePrivate(const std::string& path, uint64_t bytes) {
  INGLE_TRY(AtomicFile made, Checked(path, true));
  const size_t slash = made.path_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : made.path_.substr(0, slash + 1);
  made.file_ = UniqueFd(::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, kPrivateMode));
  if (!made.file_.valid()) INGLE_RETURN_IF_ERROR(made.OpenNamed(kPrivateMode));
  INGLE_RETURN_IF_ERROR(made.Reserve(bytes));
  return made;
}

// A file without a name gets a temporary one: only renaming can replace another.
Status AtomicFile::NameIt() {
  const std::string own = "/proc/self/fd/" + std::to_string(file_.get());
  for (int i = 0; i < kTries; ++i) {
    const std::string name = TemporaryName(path_, i);
    if (::linkat(AT_FDCWD, own.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = name;
      return {};
    }
    if (errno != EEXIST) break;
  }
  return CannotWrite(errno);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      replace_(other.replace_),
      size_(other.size_),
      file_(std::move(other.file_)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::unexpected<Error> AtomicFile::CannotWrite(int error) const {
  std::string text = "cannot write " + path_ + ": " + Reason(error);
  struct statvfs disk;
  if (error == ENOSPC && ::fstatvfs(file_.get(), &disk) == 0) {
    text += "; " + std::to_string(uint64_t{disk.f_bavail} * disk.f_frsize >> 20) +
            " MiB are free there";
  }
  return Fail(ErrorCode::kUnavailable, text + ". What was written is removed.", {}, "cannot_write");
}

Status AtomicFile::Reserve(uint64_t bytes) {
  if (bytes == 0) return {};
  if (bytes > static_cast<uint64_t>(LLONG_MAX)) return CannotWrite(EFBIG);
  // Not every file system can; there a full disk shows while writing.
  if (::fallocate(file_.get(), 0, 0, static_cast<off_t>(bytes)) == 0) return {};
  if (errno == ENOSPC || errno == EFBIG || errno == EDQUOT) return CannotWrite(errno);
  return {};
}

Status AtomicFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return CannotWrite(written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<size_t>(written));
    size_ += static_cast<uint64_t>(written);
  }
  return {};
}

Status AtomicFile::Commit() {
  // What was reserved too much goes; what is in the system's buffers reaches the disk.
  if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0 || ::fsync(file_.get()) != 0)
    return CannotWrite(errno);
  if (temporary_.empty()) INGLE_RETURN_IF_ERROR(NameIt());
  const int error = replace_ ? (::rename(temporary_.c_str(), path_.c_str()) == 0 ? 0 : errno)
                             : RenameFresh(temporary_.c_str(), path_.c_str());
  if (error == EEXIST) return Exists(path_);
  if (error != 0) return CannotWrite(error);
  temporary_.clear();
  return {};
}

}  // namespace ingle
