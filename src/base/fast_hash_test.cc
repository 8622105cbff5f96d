#include "base/fast_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace ingle {
namespace {

uint64_t HashOf(const std::vector<uint8_t>& bytes, uint64_t seed = 0) {
  return FastHash(std::as_bytes(std::span(bytes)), seed);
}

TEST(FastHash, EveryBitAndEveryLengthCounts) {
  std::set<uint64_t> seen;
  size_t made = 0;
  for (size_t size = 0; size < 300; ++size, ++made) seen.insert(HashOf(std::vector<uint8_t>(size)));
  std::vector<uint8_t> bytes(200, 7);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit, ++made) {
    std::vector<uint8_t> other = bytes;
    other[bit / 8] = static_cast<uint8_t>(other[bit / 8] ^ 1 << bit % 8);
    seen.insert(HashOf(other));
  }
  EXPECT_EQ(seen.size(), made);
}

TEST(FastHash, PlacesAndSeedsCount) {
  std::vector<uint8_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  const uint64_t whole = HashOf(bytes);
  EXPECT_EQ(HashOf(bytes), whole);
  EXPECT_NE(HashOf(bytes, 1), whole);
  for (const size_t step : {1u, 8u, 16u, 64u, 128u}) {
    std::vector<uint8_t> swapped = bytes;
    std::swap_ranges(swapped.begin(), swapped.begin() + static_cast<ptrdiff_t>(step),
                     swapped.begin() + static_cast<ptrdiff_t>(step));
    EXPECT_NE(HashOf(swapped), whole) << "the first two runs of " << step << " bytes swapped";
  }
}

TEST(FastHash, FilesHoldTheseNumbers) {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i);
  EXPECT_EQ(HashOf({}), 14073984836164034270u);
  EXPECT_EQ(HashOf(bytes), 2660146735734161440u) << "raise kPackFormat (pack_file.h)";
}

TEST(Digest, BordersBetweenFieldsCount) {
  Digest a, b, c;
  a.Add("ab");
  a.Add("c");
  b.Add("a");
  b.Add("bc");
  c.Add("abc");
  EXPECT_NE(a.value(), b.value());
  EXPECT_NE(a.value(), c.value());
  EXPECT_EQ(HexOf({0x0123456789abcdefu, 0xf}), "0123456789abcdef000000000000000f");
  EXPECT_NE(a.value()[0], a.value()[1]);
}

}  // namespace
}  // namespace ingle
