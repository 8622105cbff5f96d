#pragma once
// A regular file opened for reading, and a read-only memory map of it. Opening never blocks: a
// FIFO, a device or a directory is refused at once, so a path from outside cannot hang us.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "os/unique_fd.h"

namespace ingle {

// What changes when a file's bytes do: whoever writes to a file, or puts another in its place,
// cannot keep all of it. The times are the file system's own; changed_ns cannot be set by hand.
struct FileStamp {
  uint64_t inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;  // Since 1970.
  bool operator==(const FileStamp&) const = default;
};

class RegularFile {
 public:
  // kNotFound, kUnavailable (permissions, too many files), or kCorruptFile with id
  // "not_a_regular_file".
  static Result<RegularFile> Open(const std::string& path);
  ~RegularFile();
  RegularFile(RegularFile&& other) noexcept;
  RegularFile& operator=(RegularFile&& other) noexcept;
  RegularFile(const RegularFile&) = delete;
  RegularFile& operator=(const RegularFile&) = delete;

  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  const FileStamp& stamp() const { return stamp_; }  // As it was opened.
  // Nobody else may write to it: it is this user's, or the administrator's.
  bool IsOnlyOurs() const;
  // Fills `out` from `offset`; fewer bytes than asked for is an error (the file has shrunk).
  Status ReadAt(uint64_t offset, std::span<std::byte> out) const;

 private:
  friend class MappedFile;
  friend class MemoryRegion;
  RegularFile() = default;
  int descriptor_ = -1;
  uint64_t size_ = 0;
  std::string path_;
  FileStamp stamp_;
};

class MappedFile {
 public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // The map lives on without `file`.
  static Result<MappedFile> Map(const RegularFile& file);

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }

  // Tells the kernel that the range is wanted soon, or not any more (whole pages inside it leave
  // our memory; reading them again is allowed and fetches them from the file).
  void WillNeed(size_t offset, size_t length) const;
  void Release(size_t offset, size_t length) const;

  // As the file was opened, and as it is now.
  const FileStamp& stamp() const { return stamp_; }
  Result<FileStamp> StampNow() const;
  // Whether its file system is known to give every change a time of its own.
  bool has_change_times() const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  FileStamp stamp_;
  UniqueFd descriptor_;  // For StampNow: a path may lead to another file by then.
};

}  // namespace ingle
