#include "os/memory_region.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

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

}  // namespace
}  // namespace ingle
