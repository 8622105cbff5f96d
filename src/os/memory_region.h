#pragma once
// Zeroed memory straight from the kernel: aligned for huge pages and asking for them, touched only
// where it is used.

#include <cstddef>

#include "base/result.h"

namespace ingle {

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

  std::byte* data() const { return data_; }  // 2 MiB aligned.
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  void* mapping_ = nullptr;
  size_t mapping_size_ = 0;
};

}  // namespace ingle
