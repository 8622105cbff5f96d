#include "os/memory_region.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "os/mapped_file.h"

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

Status MemoryRegion::Take(size_t bytes, const char* what) {
  size_ = bytes;
  const auto failed = [&] {
    return Fail(ErrorCode::kOutOfMemory,
                "cannot reserve " + std::to_string(bytes >> 20) + " MiB of memory for " + what +
                    "; free some, raise the limit (ulimit -v), or ask for less (--ctx)");
  };
  if (bytes > SIZE_MAX / 2) return failed();
  mapping_size_ = (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage;
  void* mapping = mmap(nullptr, mapping_size_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return failed();
  mapping_ = mapping;
  const auto address = reinterpret_cast<uintptr_t>(mapping);
  data_ = static_cast<std::byte*>(mapping) + (kHugePage - address % kHugePage) % kHugePage;
  return {};
}

Result<MemoryRegion> MemoryRegion::Reserve(size_t bytes, const char* what) {
  MemoryRegion region;
  INGLE_RETURN_IF_ERROR(region.Take(bytes, what));
  const auto skip = static_cast<size_t>(region.data_ - static_cast<std::byte*>(region.mapping_));
  // Fails where the kernel has no huge pages; small ones do then.
  (void)madvise(region.data_, region.mapping_size_ - skip, MADV_HUGEPAGE);
  return region;
}

Result<MemoryRegion> MemoryRegion::Map(const RegularFile& file, uint64_t offset, size_t bytes) {
  MemoryRegion region;
  INGLE_RETURN_IF_ERROR(region.Take(bytes, file.path().c_str()));
  // Over the reserved addresses, which are aligned as the kernel would not have.
  if (bytes != 0 && mmap(region.data_, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, file.descriptor_,
                         static_cast<off_t>(offset)) == MAP_FAILED)
    return Fail(ErrorCode::kOutOfMemory,
                "cannot map " + file.path() + ": " + std::generic_category().message(errno));
  if (bytes != 0) (void)madvise(region.data_, bytes, MADV_HUGEPAGE);
  return region;
}

bool MemoryRegion::IsInHugePages() const {
  char start[32];
  std::snprintf(start, sizeof start, "%zx-", reinterpret_cast<size_t>(data_));
  std::ifstream maps("/proc/self/smaps");
  uint64_t resident_kb = 0, huge_kb = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    const size_t colon = line.find(": ");
    const bool begins = line.find('-') < line.find(' ');  // "7f00-7f80 r--s ..."
    if (begins) ours = line.starts_with(start);
    if (!ours || begins || colon == std::string::npos) continue;
    const uint64_t kb = std::strtoull(line.c_str() + colon + 1, nullptr, 10);
    const std::string_view name = std::string_view(line).substr(0, colon);
    if (name == "Rss") resident_kb = kb;
    if (name == "AnonHugePages" || name == "FilePmdMapped" || name == "ShmemPmdMapped")
      huge_kb += kb;
  }
  return huge_kb > 0 && huge_kb >= resident_kb / 10 * 9;
}

}  // namespace ingle
