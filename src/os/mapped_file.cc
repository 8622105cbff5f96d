#include "os/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace ingle {
namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

std::string_view KindName(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a file";
}

int64_t Nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileStamp StampOf(const struct stat& facts) {
  return {.inode = facts.st_ino,
          .size = static_cast<uint64_t>(facts.st_size),
          .modified_ns = Nanoseconds(facts.st_mtim),
          .changed_ns = Nanoseconds(facts.st_ctim)};
}

// File systems that set the time of a change themselves (statfs(2)). FAT and its like have none;
// behind FUSE and 9p anything may be.
constexpr uint32_t kWithChangeTimes[] = {
    0xEF53,      // ext2, ext3, ext4
    0x58465342,  // XFS
    0x9123683E,  // btrfs
    0xF2F52010,  // F2FS
    0x2FC12FC1,  // ZFS
    0xCA451A4E,  // bcachefs
    0x01021994,  // tmpfs
    0x794C7630,  // overlayfs
    0x6969,      // NFS
    0x73717368,  // squashfs: nothing changes there
    0xE0F5E1E2,  // EROFS
};

std::unexpected<Error> NotRegular(const std::string& path, std::string_view kind) {
  return Fail(ErrorCode::kCorruptFile,
              path + " is " + std::string(kind) + ", not a regular file; give the path of a file.",
              {}, "not_a_regular_file");
}

std::unexpected<Error> OpenError(const std::string& path, int error) {
  if (error == ENXIO) return NotRegular(path, "a socket or FIFO");  // A socket cannot be opened.
  if (error == ELOOP) return NotRegular(path, "a link that leads back to itself");
  if (error != ENOENT && error != ENOTDIR) {
    return Fail(ErrorCode::kUnavailable, "Cannot open " + path + ": " + Reason(error) + ".");
  }
  struct stat link;
  if (::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode)) {
    return NotRegular(path, "a link to a file that does not exist");
  }
  return Fail(ErrorCode::kNotFound, path + " does not exist; check the path.");
}

}  // namespace

Result<RegularFile> RegularFile::Open(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kNotFound, "The path holds a NUL byte; no file can have that name.");
  }
  // O_NONBLOCK: opening a FIFO without a writer would wait for one.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return OpenError(path, errno);
  RegularFile file;
  file.descriptor_ = descriptor;
  file.path_ = path;
  struct stat facts;
  if (::fstat(descriptor, &facts) != 0) {
    return Fail(ErrorCode::kUnavailable, "Cannot examine " + path + ": " + Reason(errno) + ".");
  }
  if (!S_ISREG(facts.st_mode)) return NotRegular(path, KindName(facts.st_mode));
  file.size_ = static_cast<uint64_t>(facts.st_size);
  file.stamp_ = StampOf(facts);
  return file;
}

RegularFile::~RegularFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RegularFile::RegularFile(RegularFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      path_(std::move(other.path_)),
      stamp_(other.stamp_) {}

RegularFile& RegularFile::operator=(RegularFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

bool RegularFile::IsOnlyOurs() const {
  struct stat facts;
  return ::fstat(descriptor_, &facts) == 0 && (facts.st_uid == ::geteuid() || facts.st_uid == 0) &&
         (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

Status RegularFile::ReadAt(uint64_t offset, std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Fail(ErrorCode::kUnavailable, "Reading " + path_ + " failed: " + Reason(errno) + ".");
    }
    if (got == 0) {
      return Fail(
          ErrorCode::kCorruptFile,
          path_ + " has become shorter while it was read; leave it alone or load it again.");
    }
    done += static_cast<size_t>(got);
  }
  return {};
}

Result<MappedFile> MappedFile::Map(const RegularFile& file) {
  MappedFile map;
  map.stamp_ = file.stamp();
  map.descriptor_ = UniqueFd(::fcntl(file.descriptor_, F_DUPFD_CLOEXEC, 0));
  if (!map.descriptor_.valid()) {
    return Fail(ErrorCode::kUnavailable,
                "Cannot keep " + file.path() + " open: " + Reason(errno) + ".");
  }
  if (file.size() == 0) return map;  // An empty range cannot be mapped, and need not be.
  if (file.size() > std::numeric_limits<size_t>::max() / 2) {
    return Fail(ErrorCode::kTooLarge,
                file.path() + " is larger than this machine's address space.");
  }
  const size_t size = static_cast<size_t>(file.size());
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.descriptor_, 0);
  if (data == MAP_FAILED) {
    return Fail(ErrorCode::kOutOfMemory, "Mapping " + file.path() + " (" + std::to_string(size) +
                                             " bytes) failed: " + Reason(errno) + ".");
  }
  map.data_ = static_cast<const std::byte*>(data);
  map.size_ = size;
  return map;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      stamp_(other.stamp_),
      descriptor_(std::move(other.descriptor_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(stamp_, other.stamp_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Result<FileStamp> MappedFile::StampNow() const {
  struct stat facts;
  if (::fstat(descriptor_.get(), &facts) != 0)
    return Fail(ErrorCode::kUnavailable, "Cannot examine an open file: " + Reason(errno) + ".");
  return StampOf(facts);
}

bool MappedFile::has_change_times() const {
  struct statfs facts;
  return ::fstatfs(descriptor_.get(), &facts) == 0 &&
         std::ranges::find(kWithChangeTimes, static_cast<uint32_t>(facts.f_type)) !=
             std::end(kWithChangeTimes);
}

void MappedFile::WillNeed(size_t offset, size_t length) const {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t begin = std::min(offset, size_) / page * page;
  const size_t end = length > size_ - std::min(offset, size_) ? size_ : offset + length;
  // Advice only: a failure changes nothing but speed.
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_WILLNEED);
}

void MappedFile::Release(size_t offset, size_t length) const {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  if (offset > size_) return;
  const size_t begin = (offset + page - 1) / page * page;
  const size_t stop = length > size_ - offset ? size_ : offset + length;
  const size_t end =
      stop == size_ ? stop : stop / page * page;  // The last page holds nothing else.
  if (begin < end) ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

}  // namespace ingle
