#include "os/memory_region.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "os/mapped_file.h"

namespace ingle {
namespace {

TEST(MemoryRegion, IsZeroedAlignedAndWritable) {
  auto region = MemoryRegion::Reserve(5'000'000, "a test");
  ASSERT_TRUE(region) << region.error().message;
  EXPECT_EQ(region->size(), 5'000'000u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % (2u << 20), 0u);
  for (const size_t at : {size_t{0}, size_t{4095}, size_t{4'999'999}}) {
    EXPECT_EQ(region->data()[at], std::byte{0});
    region->data()[at] = std::byte{7};
  }
  MemoryRegion moved = *std::move(region);
  EXPECT_EQ(moved.data()[4'999'999], std::byte{7});
}

TEST(MemoryRegion, NothingIsFine) { EXPECT_TRUE(MemoryRegion::Reserve(0, "a test")); }

TEST(MemoryRegion, RefusalNamesTheUse) {
  for (const size_t bytes : {SIZE_MAX, size_t{1} << 60}) {
    const auto region = MemoryRegion::Reserve(bytes, "the moon");
    ASSERT_FALSE(region);
    EXPECT_EQ(region.error().code, ErrorCode::kOutOfMemory);
    EXPECT_NE(region.error().message.find("the moon"), std::string::npos);
  }
}

TEST(MemoryRegion, MapsAFileFromAnOffset) {
  constexpr size_t kOffset = size_t{2} << 20, kBytes = 5000;
  std::string path = "/tmp/ingle_test_XXXXXX";
  const int descriptor = ::mkstemp(path.data());
  ASSERT_EQ(::ftruncate(descriptor, kOffset + kBytes), 0);
  ASSERT_EQ(::pwrite(descriptor, "weights", 7, kOffset), 7);
  const auto file = RegularFile::Open(path);
  ASSERT_TRUE(file);
  auto region = MemoryRegion::Map(*file, kOffset, kBytes);
  ASSERT_TRUE(region) << region.error().message;
  ::unlink(path.c_str());
  EXPECT_EQ(region->size(), kBytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(region->data()) % (2u << 20), 0u);
  EXPECT_EQ(std::memcmp(region->data(), "weights", 7), 0);
  ASSERT_EQ(::pwrite(descriptor, "W", 1, kOffset), 1);
  EXPECT_EQ(region->data()[0], std::byte{'W'}) << "shared, not copied";
  ::close(descriptor);
  EXPECT_FALSE(region->IsInHugePages()) << "a file of two small pages";
  EXPECT_TRUE(MemoryRegion::Map(*file, 0, 0));
  EXPECT_FALSE(MemoryRegion::Map(*file, 17, 10)) << "no multiple of a page";
}

TEST(MemoryRegion, KnowsWhetherItIsInHugePages) {
  auto region = MemoryRegion::Reserve(size_t{8} << 20, "a test");
  ASSERT_TRUE(region);
  EXPECT_FALSE(region->IsInHugePages()) << "nothing is touched";
  std::memset(region->data(), 1, region->size());
  (void)region->IsInHugePages();  // As the machine has any.
}

}  // namespace
}  // namespace ingle
