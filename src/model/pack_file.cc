#include "model/pack_file.h"

#include <algorithm>
#include <cstring>

#include "base/fast_hash.h"

namespace ingle {
namespace {

constexpr char kMagic[8] = {'i', 'n', 'g', 'l', 'e', 'p', 'c', 'k'};

// What the file begins with; the checksums follow.
struct FixedHead {
  char magic[8];
  uint64_t format;
  std::array<uint64_t, 2> model, stamp;
  uint64_t weight_bytes, block_bytes;
  uint64_t head_sum;  // Of the whole head, with zero here.
};
static_assert(sizeof(FixedHead) == 72);

constexpr uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

uint64_t HeadSum(FixedHead fixed, std::span<const uint64_t> sums) {
  fixed.head_sum = 0;
  return FastHash(std::as_bytes(sums), FastHash(std::as_bytes(std::span(&fixed, 1))));
}

FixedHead FixedOf(const PackHead& head) {
  FixedHead fixed{{}, kPackFormat, head.model, head.stamp, head.weight_bytes, kPackBlockBytes, 0};
  std::memcpy(fixed.magic, kMagic, sizeof kMagic);
  return fixed;
}

}  // namespace

uint64_t PackBlocks(uint64_t weight_bytes) {
  return weight_bytes / kPackBlockBytes + (weight_bytes % kPackBlockBytes != 0);
}

uint64_t PackHeadBytes(uint64_t weight_bytes) {
  return sizeof(FixedHead) + PackBlocks(weight_bytes) * sizeof(uint64_t);
}

uint64_t PackWeightsOffset(uint64_t weight_bytes) {
  return RoundUp(PackHeadBytes(weight_bytes), kPackAlignment);
}

uint64_t PackFileBytes(uint64_t weight_bytes) {
  return PackWeightsOffset(weight_bytes) + weight_bytes;
}

std::vector<std::byte> WritePackHead(const PackHead& head) {
  FixedHead fixed = FixedOf(head);
  fixed.head_sum = HeadSum(fixed, head.sums);
  std::vector<std::byte> bytes(sizeof fixed + head.sums.size() * sizeof(uint64_t));
  std::memcpy(bytes.data(), &fixed, sizeof fixed);
  std::ranges::copy(std::as_bytes(std::span(head.sums)), bytes.begin() + sizeof fixed);
  return bytes;
}

PackFault ReadPackHead(std::span<const std::byte> bytes, uint64_t file_bytes, PackHead& expected) {
  FixedHead fixed{};
  if (bytes.size() < sizeof fixed) return PackFault::kSize;
  std::memcpy(&fixed, bytes.data(), sizeof fixed);
  const FixedHead wanted = FixedOf(expected);
  const bool ours = std::memcmp(fixed.magic, wanted.magic, sizeof kMagic) == 0;
  if (!ours || fixed.format != wanted.format) return PackFault::kForeign;
  if (bytes.size() != PackHeadBytes(expected.weight_bytes) ||
      file_bytes != PackFileBytes(expected.weight_bytes))
    return PackFault::kSize;
  std::vector<uint64_t> sums(PackBlocks(expected.weight_bytes));
  std::ranges::copy(bytes.subspan(sizeof fixed), std::as_writable_bytes(std::span(sums)).begin());
  if (fixed.head_sum != HeadSum(fixed, sums)) return PackFault::kDamaged;
  if (fixed.model != wanted.model || fixed.weight_bytes != wanted.weight_bytes ||
      fixed.block_bytes != wanted.block_bytes)
    return PackFault::kOther;
  if (fixed.stamp != wanted.stamp) return PackFault::kStale;
  expected.sums = std::move(sums);
  return PackFault::kNone;
}

}  // namespace ingle
