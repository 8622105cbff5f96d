#include "formats/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "formats/blocks.h"
#include "formats/half.h"

namespace ingle {
namespace {

void CopyF32(const float* weights, size_t count, std::byte* out) {
  std::memcpy(out, weights, count * sizeof(float));
}

template <uint16_t (*kRound)(float)>
void RoundTo16(const float* weights, size_t count, std::byte* out) {
  for (size_t i = 0; i < count; ++i) {
    const uint16_t half = kRound(weights[i]);
    std::memcpy(out + i * sizeof(half), &half, sizeof(half));
  }
}

// 1 / d, and 0 where that is no number: the block is zero then.
float Inverse(float d) {
  const float inverse = d == 0 ? 0.0f : 1.0f / d;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

// The weight of the largest magnitude, the first of equal ones, with its sign.
float Extreme(const float* x) {
  float extreme = 0;
  for (uint32_t i = 0; i < kSmallBlock; ++i)
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  return extreme;
}

void EncodeBlock(const float* x, BlockQ8_0& block) {
  const float d = std::fabs(Extreme(x)) / 127.0f, inverse = Inverse(d);
  block.d = F32ToF16(d);
  for (uint32_t i = 0; i < kSmallBlock; ++i)
    block.q[i] = static_cast<int8_t>(std::round(x[i] * inverse));  // Halves away from zero.
}

// x * inverse + offset, cut to a whole number from 0 to `last`.
uint8_t Code(float x, float inverse, float offset, int last) {
  return static_cast<uint8_t>(std::min(last, static_cast<int>(x * inverse + offset)));
}

void EncodeBlock(const float* x, BlockQ4_0& block) {
  const float d = Extreme(x) / -8.0f, inverse = Inverse(d);
  block.d = F32ToF16(d);
  for (uint32_t i = 0; i < 16; ++i) {
    const int low = Code(x[i], inverse, 8.5f, 15), high = Code(x[i + 16], inverse, 8.5f, 15);
    block.q[i] = static_cast<uint8_t>(low | high << 4);
  }
}

// Codes of five bits: the fifth ones lie apart.
template <class Block>
void StoreFiveBits(const uint8_t* codes, Block& block) {
  uint32_t high = 0;
  for (uint32_t i = 0; i < 16; ++i) {
    block.q[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
    high |= (codes[i] >> 4 & 1u) << i | (codes[i + 16] >> 4 & 1u) << (i + 16);
  }
  std::memcpy(block.high, &high, sizeof(high));
}

void EncodeBlock(const float* x, BlockQ5_0& block) {
  const float d = Extreme(x) / -16.0f, inverse = Inverse(d);
  block.d = F32ToF16(d);
  uint8_t codes[kSmallBlock];
  for (uint32_t i = 0; i < kSmallBlock; ++i) codes[i] = Code(x[i], inverse, 16.5f, 31);
  StoreFiveBits(codes, block);
}

void EncodeBlock(const float* x, BlockQ5_1& block) {
  const auto [least, most] = std::minmax_element(x, x + kSmallBlock);
  const float d = (*most - *least) / 31.0f, inverse = Inverse(d);
  block.d = F32ToF16(d);
  block.m = F32ToF16(*least);
  uint8_t codes[kSmallBlock];
  for (uint32_t i = 0; i < kSmallBlock; ++i) codes[i] = Code(x[i] - *least, inverse, 0.5f, 31);
  StoreFiveBits(codes, block);
}

template <class Block>
void EncodeBlocks(const float* weights, size_t count, std::byte* out) {
  for (size_t i = 0; i < count; i += kSmallBlock, out += sizeof(Block)) {
    Block block{};
    EncodeBlock(weights + i, block);
    std::memcpy(out, &block, sizeof(Block));
  }
}

}  // namespace

QuantizeFunction FindQuantize(DType type) {
  switch (type) {
    case DType::kF32: return CopyF32;
    case DType::kF16: return RoundTo16<F32ToF16>;
    case DType::kBF16: return RoundTo16<F32ToBf16>;
    case DType::kQ8_0: return EncodeBlocks<BlockQ8_0>;
    case DType::kQ4_0: return EncodeBlocks<BlockQ4_0>;
    case DType::kQ5_0: return EncodeBlocks<BlockQ5_0>;
    case DType::kQ5_1: return EncodeBlocks<BlockQ5_1>;
    case DType::kQ4_K: return QuantizeQ4_K;
    case DType::kQ5_K: return QuantizeQ5_K;
    case DType::kQ6_K: return QuantizeQ6_K;
    default: return nullptr;
  }
}

float QuantizeLimit(DType type) {
  if (type == DType::kF32 || type == DType::kBF16) return std::numeric_limits<float>::infinity();
  return 65504.0f;  // Of F16, which every block's scale is as well.
}

size_t FindUnquantizable(DType type, std::span<const float> weights) {
  const float limit = QuantizeLimit(type);
  if (std::isinf(limit)) return weights.size();
  const auto fits = [limit](float weight) { return std::fabs(weight) <= limit; };  // Not of a NaN.
  return static_cast<size_t>(std::ranges::find_if_not(weights, fits) - weights.begin());
}

}  // namespace ingle
