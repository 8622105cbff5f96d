// Activations of one token; the same bytes as portable/quantize.cc.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kNeonQuantize;

namespace {

constexpr uint32_t kInfinityBits = 0x7f800000u, kNanBits = 0x7fc00000u;

inline uint32x4_t MagnitudeBits(float32x4_t x) {
  return vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0x7fffffffu));
}

inline float FromBits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

// The largest magnitude of `count` values as bits, which order as integers, NaNs included.
inline uint32_t MaxBits(const float* x, uint32_t count) {
  uint32x4_t max[4] = {};
  for (uint32_t i = 0; i < count; i += 16) {
#pragma GCC unroll 4
    for (uint32_t j = 0; j < 4; ++j)
      max[j] = vmaxq_u32(max[j], MagnitudeBits(vld1q_f32(x + i + 4 * j)));
  }
  return vmaxvq_u32(vmaxq_u32(vmaxq_u32(max[0], max[1]), vmaxq_u32(max[2], max[3])));
}

// What maps a group's values to -127..127, and the scale that undoes it. Zeros for a tiny group;
// for one that is not finite zeros and a scale of NaN.
struct GroupScale {
  float inverse, d;
};

inline GroupScale ScaleOf(uint32_t max_bits) {
  if (max_bits >= kInfinityBits) return {0.0f, FromBits(kNanBits)};
  const float max = FromBits(max_bits);
  if (max < kSmallestGroupMaximum) return {0.0f, 0.0f};
  return {127.0f / max, max / 127.0f};
}

// 16 values to int8, nearest even; all zero where the inverse is, even if x is not finite.
inline int8x16_t Round16(const float* x, float inverse) {
  if (inverse == 0.0f) return vdupq_n_s8(0);
  int16x4_t q[4];
#pragma GCC unroll 4
  for (uint32_t i = 0; i < 4; ++i)
    q[i] = vmovn_s32(vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + 4 * i), inverse)));
  return vcombine_s8(vmovn_s16(vcombine_s16(q[0], q[1])), vmovn_s16(vcombine_s16(q[2], q[3])));
}

inline int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }

void QuantizeQ8x256(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x256*>(out);
  for (uint32_t b = 0; b < cols / kBrickK; ++b, x += kBrickK) {
    ActivationQ8x256& block = blocks[b];
    const GroupScale scale = ScaleOf(MaxBits(x, kBrickK));
    int32_t sizes[16], most16 = 0, most32 = 0;
    for (uint32_t g = 0; g < 16; ++g) {
      const int8x16_t q = Round16(x + g * 16, scale.inverse);
      vst1q_s8(block.q + g * 16, q);
      block.sum16[g] = vaddlvq_s8(q);
      block.minus_32_sums[g] = -32 * block.sum16[g];
      sizes[g] = vaddlvq_u8(vreinterpretq_u8_s8(vabsq_s8(q)));
      most16 = Max(most16, sizes[g]);
    }
    for (uint32_t g = 0; g < 8; ++g) {
      const int32_t sum = block.sum16[2 * g] + block.sum16[2 * g + 1];
      block.sum32[g] = static_cast<int16_t>(sum);
      // Magnitudes and the sum's add up to twice those of the sign that has more.
      most32 = Max(most32, (sizes[2 * g] + sizes[2 * g + 1] + Max(sum, -sum)) / 2);
    }
    block.most16 = static_cast<uint16_t>(most16);
    block.most32 = static_cast<uint16_t>(most32);
    block.d = scale.d;
    __builtin_memset(block.padding, 0, sizeof(block.padding));
  }
}

void QuantizeQ8x32(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x32*>(out);
  const uint32_t groups = cols / kGroupK;
  for (uint32_t b = 0; b * 8 < groups; ++b) {
    ActivationQ8x32& block = blocks[b];
    if (groups - b * 8 < 8) __builtin_memset(&block, 0, sizeof(block));
    for (uint32_t g = 0; g < 8 && b * 8 + g < groups; ++g, x += kGroupK) {
      const GroupScale scale = ScaleOf(MaxBits(x, kGroupK));
      const int8x16_t low = Round16(x, scale.inverse), high = Round16(x + 16, scale.inverse);
      vst1q_s8(block.q[g], low);
      vst1q_s8(block.q[g] + 16, high);
      block.minus_8_sums[g] = -8 * (vaddlvq_s8(low) + vaddlvq_s8(high));
      block.d[g] = scale.d;
    }
  }
}

// Nearest bf16, ties to even, as floats. Subnormals are zero; a NaN stays one.
inline float32x4_t RoundToBf16(float32x4_t x) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x), magnitude = MagnitudeBits(x);
  const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
  uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
  const uint32x4_t nan = vcgtq_u32(magnitude, vdupq_n_u32(kInfinityBits));
  rounded = vbslq_u32(nan, vorrq_u32(bits, vdupq_n_u32(0x400000u)), rounded);
  const uint32x4_t tiny = vcltq_u32(magnitude, vdupq_n_u32(0x00800000u));
  rounded = vbslq_u32(tiny, vandq_u32(bits, vdupq_n_u32(0x80000000u)), rounded);
  return vreinterpretq_f32_u32(vandq_u32(rounded, vdupq_n_u32(0xffff0000u)));
}

// Four values from x + i; those from `cols` on are zero.
inline float32x4_t LoadUpTo(const float* x, uint32_t i, uint32_t cols) {
  if (i + 4 <= cols) return vld1q_f32(x + i);
  float part[4] = {};
  for (uint32_t j = 0; i + j < cols; ++j) part[j] = x[i + j];
  return vld1q_f32(part);
}

// Four values that are bf16 already, as floats and as their bits.
inline void StoreBf16(float32x4_t value, float* x, uint16_t* bits) {
  vst1q_f32(x, value);
  vst1_u16(bits, vshrn_n_u32(vreinterpretq_u32_f32(value), 16));
}

void QuantizeBf16(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 4) {
    ActivationBf16& block = blocks[i / 32];
    StoreBf16(RoundToBf16(LoadUpTo(x, i, cols)), block.x + i % 32, block.bits + i % 32);
  }
}

void QuantizeBf16x2(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16x2*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 4) {
    const float32x4_t value = LoadUpTo(x, i, cols);
    const float32x4_t hi = RoundToBf16(value), lo = RoundToBf16(vsubq_f32(value, hi));
    ActivationBf16x2& block = blocks[i / 32];
    StoreBf16(hi, block.hi + i % 32, block.hi_bits + i % 32);
    StoreBf16(lo, block.lo + i % 32, block.lo_bits + i % 32);
  }
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.quantize[kActivationBf16] = QuantizeBf16;
  table.quantize[kActivationBf16x2] = QuantizeBf16x2;
  table.quantize[kActivationQ8x32] = QuantizeQ8x32;
  table.quantize[kActivationQ8x256] = QuantizeQ8x256;
  return table;
}

}  // namespace

constinit const MatmulKernels kNeonQuantize = Table();

}  // namespace ingle
