// Activations of one token, in plain scalar code: the oracle of every other tier.
#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kPortableQuantize;

namespace {

// Adding and taking off 1.5 * 2^23 rounds |v| < 2^22 to an integer, ties to even; so do the
// conversion instructions.
int32_t RoundToInt(float v) {
  constexpr float kMagic = 12582912.0f;
  return std::bit_cast<int32_t>(v + kMagic) - std::bit_cast<int32_t>(kMagic);
}

// The largest magnitude as bits, which order as integers: a NaN is above infinity, so neither can
// get lost.
uint32_t MaxMagnitudeBits(const float* x, uint32_t count) {
  uint32_t max = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu;
    if (bits > max) max = bits;
  }
  return max;
}

constexpr uint32_t kInfinityBits = 0x7f800000u, kNanBits = 0x7fc00000u;

// q[i] = x[i] * 127 / max, rounded to nearest even; returns the scale max / 127. Zeros for a tiny
// group; zeros and a scale of NaN for one that is not finite.
float QuantizeGroup(const float* x, uint32_t count, int8_t* q) {
  const uint32_t max_bits = MaxMagnitudeBits(x, count);
  const float max = std::bit_cast<float>(max_bits);
  if (max_bits >= kInfinityBits || max < kSmallestGroupMaximum) {
    std::memset(q, 0, count);
    return std::bit_cast<float>(max_bits >= kInfinityBits ? kNanBits : 0u);
  }
  const float inverse = 127.0f / max;
  for (uint32_t i = 0; i < count; ++i) q[i] = static_cast<int8_t>(RoundToInt(x[i] * inverse));
  return max / 127.0f;
}

int32_t Sum(const int8_t* q, uint32_t count) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += q[i];
  return sum;
}

// Of the numbers above zero if sign is 1, of those below if it is -1: their magnitudes.
int32_t SumOfSign(const int8_t* q, uint32_t count, int32_t sign) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += std::max(0, sign * q[i]);
  return sum;
}

void QuantizeQ8x256(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x256*>(out);
  for (uint32_t b = 0; b < cols / kBrickK; ++b) {
    ActivationQ8x256& block = blocks[b];
    block.d = QuantizeGroup(x + b * kBrickK, kBrickK, block.q);
    int32_t most16 = 0, most32 = 0;
    for (uint32_t g = 0; g < 8; ++g) {
      const int8_t* q = block.q + 32 * g;
      block.sum32[g] = static_cast<int16_t>(Sum(q, 32));
      most32 = std::max({most32, SumOfSign(q, 32, 1), SumOfSign(q, 32, -1)});
    }
    for (uint32_t g = 0; g < 16; ++g) {
      const int8_t* q = block.q + 16 * g;
      block.sum16[g] = static_cast<int16_t>(Sum(q, 16));
      block.minus_32_sums[g] = -32 * block.sum16[g];
      most16 = std::max(most16, SumOfSign(q, 16, 1) + SumOfSign(q, 16, -1));
    }
    block.most16 = static_cast<uint16_t>(most16);
    block.most32 = static_cast<uint16_t>(most32);
    std::memset(block.padding, 0, sizeof(block.padding));
  }
}

void QuantizeQ8x32(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x32*>(out);
  const uint32_t groups = cols / kGroupK;
  for (uint32_t b = 0; b * 8 < groups; ++b) {
    ActivationQ8x32& block = blocks[b];
    if (groups - b * 8 < 8) std::memset(&block, 0, sizeof(block));
    for (uint32_t g = 0; g < 8 && b * 8 + g < groups; ++g) {
      block.d[g] = QuantizeGroup(x + (b * 8 + g) * kGroupK, kGroupK, block.q[g]);
      block.minus_8_sums[g] = -8 * Sum(block.q[g], 32);
    }
  }
}

// Nearest bf16, ties to even, as a float. Subnormals are zero; a NaN stays one.
float RoundToBf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > kInfinityBits) return std::bit_cast<float>((bits | 0x400000u) & 0xffff0000u);
  if (magnitude < 0x00800000u) return std::bit_cast<float>(bits & 0x80000000u);
  return std::bit_cast<float>((bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u);
}

uint16_t Bits(float bf16) { return static_cast<uint16_t>(std::bit_cast<uint32_t>(bf16) >> 16); }

void QuantizeBf16(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16*>(out);
  for (uint32_t b = 0; b * 32 < cols; ++b) {
    for (uint32_t i = 0; i < 32; ++i) {
      const uint32_t k = b * 32 + i;
      blocks[b].x[i] = RoundToBf16(k < cols ? x[k] : 0.0f);
      blocks[b].bits[i] = Bits(blocks[b].x[i]);
    }
  }
}

void QuantizeBf16x2(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16x2*>(out);
  for (uint32_t b = 0; b * 32 < cols; ++b) {
    for (uint32_t i = 0; i < 32; ++i) {
      const uint32_t k = b * 32 + i;
      const float value = k < cols ? x[k] : 0.0f;
      const float hi = RoundToBf16(value);
      blocks[b].hi[i] = hi;
      blocks[b].lo[i] = RoundToBf16(value - hi);
      blocks[b].hi_bits[i] = Bits(hi);
      blocks[b].lo_bits[i] = Bits(blocks[b].lo[i]);
    }
  }
}

void CopyF32(const float* x, uint32_t cols, uint8_t* out) {
  std::memcpy(out, x, cols * sizeof(float));
  auto* to = reinterpret_cast<float*>(out);
  for (uint32_t i = cols; i % 16 != 0; ++i) to[i] = 0.0f;
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.quantize[kActivationF32] = CopyF32;
  table.quantize[kActivationBf16] = QuantizeBf16;
  table.quantize[kActivationBf16x2] = QuantizeBf16x2;
  table.quantize[kActivationQ8x32] = QuantizeQ8x32;
  table.quantize[kActivationQ8x256] = QuantizeQ8x256;
  return table;
}

}  // namespace

constinit const MatmulKernels kPortableQuantize = Table();

}  // namespace ingle
