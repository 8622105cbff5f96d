#pragma once
// A file that appears under its name only when it is complete: written beside it under another
// name, then renamed. What fails or is given up leaves nothing behind.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "os/unique_fd.h"

namespace ingle {

class AtomicFile {
 public:
  // bytes: how large it will be, if known: a disk without that much room is refused at once.
  // replace: an existing regular file of that name may go. Whatever is no regular file stays.
  static Result<AtomicFile> Create(const std::string& path, bool replace, uint64_t bytes = 0);
  // The same, replacing, for this user only. Until Commit the file has no name where the file
  // system can do that, so that a process that is killed leaves nothing behind either.
  static Result<AtomicFile> CreatePrivate(const std::string& path, uint64_t bytes);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;

  // Appends. Errors (a full disk among them) name the file.
  Status Write(std::span<const std::byte> bytes);
  // Until Commit the bytes are in a file of this name, or of none.
  const std::string& temporary_path() const { return temporary_; }
  uint64_t size() const { return size_; }
  // Makes what was written permanent, under the name it was asked for.
  Status Commit();

 private:
  AtomicFile() = default;
  static Result<AtomicFile> Checked(const std::string& path, bool replace);
  Status OpenNamed(unsigned mode);
  Status NameIt();
  Status Reserve(uint64_t bytes);
  std::unexpected<Error> CannotWrite(int error) const;

  std::string path_, temporary_;  // temporary_ is empty once there is nothing to remove.
  bool replace_ = false;
  uint64_t size_ = 0;
  UniqueFd file_;
};

}  // namespace ingle
