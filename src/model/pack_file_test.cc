#include "model/pack_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ingle {
namespace {

PackHead Head(uint64_t weight_bytes) {
  PackHead head{{1, 2}, {3, 4}, weight_bytes, {}};
  for (uint64_t i = 0; i < PackBlocks(weight_bytes); ++i) head.sums.push_back(i * i + 7);
  return head;
}

PackHead Expected(uint64_t weight_bytes) { return {{1, 2}, {3, 4}, weight_bytes, {}}; }

TEST(PackFile, SizesAreThoseOfTheLayout) {
  EXPECT_EQ(PackBlocks(0), 0u);
  EXPECT_EQ(PackBlocks(1), 1u);
  EXPECT_EQ(PackBlocks(kPackBlockBytes), 1u);
  EXPECT_EQ(PackBlocks(kPackBlockBytes + 1), 2u);
  EXPECT_EQ(PackWeightsOffset(5), kPackAlignment);
  EXPECT_EQ(PackFileBytes(5), kPackAlignment + 5);
  const uint64_t large = uint64_t{400} << 30;  // More checksums than fit into 2 MiB.
  EXPECT_GT(PackWeightsOffset(large), kPackAlignment);
  EXPECT_EQ(PackWeightsOffset(large) % kPackAlignment, 0u);
  EXPECT_GE(PackWeightsOffset(large), PackHeadBytes(large));
}

TEST(PackFile, WhatWasWrittenIsRead) {
  for (const uint64_t bytes : {uint64_t{1}, kPackBlockBytes, 3 * kPackBlockBytes + 5}) {
    const auto written = WritePackHead(Head(bytes));
    ASSERT_EQ(written.size(), PackHeadBytes(bytes));
    PackHead head = Expected(bytes);
    EXPECT_EQ(ReadPackHead(written, PackFileBytes(bytes), head), PackFault::kNone);
    EXPECT_EQ(head.sums, Head(bytes).sums);
  }
}

TEST(PackFile, EveryBitCounts) {
  constexpr uint64_t kBytes = 2 * kPackBlockBytes;
  const auto written = WritePackHead(Head(kBytes));
  for (size_t bit = 0; bit < written.size() * 8; ++bit) {
    auto damaged = written;
    damaged[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    PackHead head = Expected(kBytes);
    const PackFault fault = ReadPackHead(damaged, PackFileBytes(kBytes), head);
    EXPECT_EQ(fault, bit < 128 ? PackFault::kForeign : PackFault::kDamaged) << "bit " << bit;
    EXPECT_TRUE(head.sums.empty());
  }
}

TEST(PackFile, LengthsMustBeThoseOfTheModel) {
  constexpr uint64_t kBytes = 2 * kPackBlockBytes;
  const auto written = WritePackHead(Head(kBytes));
  const auto fault = [&](size_t head_bytes, uint64_t file_bytes) {
    PackHead head = Expected(kBytes);
    return ReadPackHead(std::span(written).first(head_bytes), file_bytes, head);
  };
  EXPECT_EQ(fault(0, 0), PackFault::kSize);
  EXPECT_EQ(fault(71, PackFileBytes(kBytes)), PackFault::kSize);
  EXPECT_EQ(fault(written.size() - 1, PackFileBytes(kBytes)), PackFault::kSize);
  EXPECT_EQ(fault(written.size(), PackFileBytes(kBytes) - 1), PackFault::kSize);
  EXPECT_EQ(fault(written.size(), PackFileBytes(kBytes) + 1), PackFault::kSize);
}

TEST(PackFile, AnotherModelAndAnotherStateAreToldApart) {
  constexpr uint64_t kBytes = kPackBlockBytes;
  const auto fault = [&](const PackHead& written) {
    PackHead head = Expected(kBytes);
    return ReadPackHead(WritePackHead(written), PackFileBytes(kBytes), head);
  };
  PackHead other = Head(kBytes);
  other.model[1] = 9;
  EXPECT_EQ(fault(other), PackFault::kOther);
  other = Head(kBytes);
  other.weight_bytes -= 64;  // As many blocks.
  EXPECT_EQ(fault(other), PackFault::kOther);
  other = Head(kBytes);
  other.stamp[0] = 9;
  EXPECT_EQ(fault(other), PackFault::kStale);
}

}  // namespace
}  // namespace ingle
