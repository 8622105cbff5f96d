#pragma once
// A read-only memory map of a regular file. Opens without blocking: a FIFO, device or directory is refused at once.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace ingle {

class MappedFile {
 public:
  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  // kNotFound, kUnavailable (permissions), or kCorruptFile with id "not_a_regular_file".
  static Result<MappedFile> Open(const std::string& path);

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  size_t size() const { return size_; }

  // Tells the kernel that the range is wanted soon, or not any more (whole pages inside it leave our memory; reading
  // them again is allowed and fetches them from the file).
  void WillNeed(size_t offset, size_t length) const;
  void Release(size_t offset, size_t length) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ingle
