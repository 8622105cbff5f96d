#include "os/memory_region.h"

#include <sys/mman.h>

#include <cstdint>
#include <string>
#include <utility>

namespace ingle {
namespace {
constexpr size_t kHugePage = size_t{2} << 20;
}

MemoryRegion::~MemoryRegion() {
  if (mapping_) munmap(mapping_, mapping_size_);
}

MemoryRegion::MemoryRegion(MemoryRegion&& other) noexcept { *this = std::move(other); }

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapping_, other.mapping_);
  std::swap(mapping_size_, other.mapping_size_);
  return *this;
}

Result<MemoryRegion> MemoryRegion::Reserve(size_t bytes, const char* what) {
  MemoryRegion region;
  region.size_ = bytes;
  const auto failed = [&] {
    return Fail(ErrorCode::kOutOfMemory,
                "cannot reserve " + std::to_string(bytes >> 20) + " MiB of memory for " + what +
                    "; free some, raise the limit (ulimit -v), or ask for less (--ctx)");
  };
  if (bytes > SIZE_MAX / 2) return failed();
  region.mapping_size_ = (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* mapping = mmap(nullptr, region.mapping_size_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return failed();
  region.mapping_ = mapping;
  const auto address = reinterpret_cast<uintptr_t>(mapping);
  const size_t skip = (kHugePage - address % kHugePage) % kHugePage;
  region.data_ = static_cast<std::byte*>(mapping) + skip;
  // Fails where the kernel has no huge pages; small ones do then.
  (void)madvise(region.data_, region.mapping_size_ - skip, MADV_HUGEPAGE);
  return region;
}

}  // namespace ingle
