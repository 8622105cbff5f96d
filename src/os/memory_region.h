#pragma once
// Memory straight from the kernel, aligned for huge pages and asking for them, touched only where
// it is used: zeroed, or the bytes of a file.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace ingle {

class RegularFile;

class MemoryRegion {
 public:
  MemoryRegion() = default;
  ~MemoryRegion();
  MemoryRegion(MemoryRegion&& other) noexcept;
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;
  MemoryRegion(const MemoryRegion&) = delete;
  MemoryRegion& operator=(const MemoryRegion&) = delete;

  // Reserves address space; memory comes with the first write to each page. `what` names the use in
  // the error (kOutOfMemory). bytes may be 0.
  static Result<MemoryRegion> Reserve(size_t bytes, const char* what);

  // Bytes of a file, for reading only, in pages that all processes with the file share; in huge
  // ones where the file system keeps the file in such. offset: a multiple of 2 MiB.
  static Result<MemoryRegion> Map(const RegularFile& file, uint64_t offset, size_t bytes);
  // Whether the kernel has mapped the region in huge pages where it was touched.
  bool IsInHugePages() const;

  std::byte* data() const { return data_; }  // 2 MiB aligned.
  size_t size() const { return size_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  Status Take(size_t bytes, const char* what);

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapping_size_ = 0;
};

}  // namespace ingle
