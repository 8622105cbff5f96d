#pragma once
// The vector type of kernels/generic/lanes.h with 8 lanes, in two registers.

#include <arm_neon.h>

#include <cstdint>

namespace ingle {
namespace {

struct Vector {
  static constexpr uint32_t kWidth = 8;
  static constexpr uint32_t kAttentionRows = 4;
  static constexpr uint32_t kAttentionScores = 4;  // Rows times groups of keys.
  static constexpr uint32_t kAttentionSums = 8;    // Of 16 pairs of registers.
  static constexpr uint32_t kAttentionIntegers = 8;
  float32x4_t low, high;

  static Vector Load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
  void Store(float* p) const {
    vst1q_f32(p, low);
    vst1q_f32(p + 4, high);
  }
  static Vector Set(float f) { return {vdupq_n_f32(f), vdupq_n_f32(f)}; }
  using Flags = uint32x4_t;
  static Flags NoFlags() { return vdupq_n_u32(0); }
  static bool AnySet(Flags flags) { return vmaxvq_u32(flags) != 0; }
  static Vector Zero() { return Set(0.0f); }
  static uint32x4_t Words(const uint8_t* p) { return vreinterpretq_u32_u8(vld1q_u8(p)); }
  static Vector FromBits(uint32x4_t low, uint32x4_t high) {
    return {vreinterpretq_f32_u32(low), vreinterpretq_f32_u32(high)};
  }
  static Vector PairEven(const uint8_t* p) {
    return FromBits(vshlq_n_u32(Words(p), 16), vshlq_n_u32(Words(p + 16), 16));
  }
  static Vector PairOdd(const uint8_t* p) {
    const uint32x4_t mask = vdupq_n_u32(0xffff0000u);
    return FromBits(vandq_u32(Words(p), mask), vandq_u32(Words(p + 16), mask));
  }
  static Vector Bf16s(const uint8_t* p) {
    const uint16x8_t halves = vreinterpretq_u16_u8(vld1q_u8(p));
    return FromBits(vshll_n_u16(vget_low_u16(halves), 16), vshll_n_u16(vget_high_u16(halves), 16));
  }
  void StoreWords(int16_t* p) const {
    vst1q_s16(p, vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(low)), vqmovn_s32(vcvtnq_s32_f32(high))));
  }

  struct CodePairs {
    int16x8_t first, second;  // Of each pair.
    static CodePairs Load(const uint8_t* p) {
      const int8x8x2_t pairs = vld2_s8(reinterpret_cast<const int8_t*>(p));
      return {vmovl_s8(pairs.val[0]), vmovl_s8(pairs.val[1])};
    }
  };
  struct WordPair {
    int16x8_t first, second;
    static WordPair Load(const int16_t* p) { return {vdupq_n_s16(p[0]), vdupq_n_s16(p[1])}; }
  };
  struct IntegerSums {
    int32x4_t low, high;
    static IntegerSums Zero() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
    Vector ToFloats() const { return {vcvtq_f32_s32(low), vcvtq_f32_s32(high)}; }
  };
};

inline uint32x4_t Bits(float32x4_t v) { return vreinterpretq_u32_f32(v); }

inline Vector Add(Vector a, Vector b) {
  return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
}
inline Vector Sub(Vector a, Vector b) {
  return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
}
inline Vector Mul(Vector a, Vector b) {
  return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
}
inline Vector Div(Vector a, Vector b) {
  return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
}
inline Vector Neg(Vector a) { return {vnegq_f32(a.low), vnegq_f32(a.high)}; }
// fmin and fmax would give the number where one is a NaN; the contract wants the second operand.
inline Vector Min(Vector a, Vector b) {
  return {vbslq_f32(vcltq_f32(a.low, b.low), a.low, b.low),
          vbslq_f32(vcltq_f32(a.high, b.high), a.high, b.high)};
}
inline Vector Max(Vector a, Vector b) {
  return {vbslq_f32(vcgtq_f32(a.low, b.low), a.low, b.low),
          vbslq_f32(vcgtq_f32(a.high, b.high), a.high, b.high)};
}
inline Vector Sqrt(Vector a) { return {vsqrtq_f32(a.low), vsqrtq_f32(a.high)}; }
inline Vector Fma(Vector a, Vector b, Vector c) {
  return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}
inline Vector SwapPairs(Vector a) { return {vrev64q_f32(a.low), vrev64q_f32(a.high)}; }
inline Vector PowerOfTwo(Vector v, Vector n) {
  return Vector::FromBits(vaddq_u32(Bits(v.low), vshlq_n_u32(Bits(n.low), 23)),
                          vaddq_u32(Bits(v.high), vshlq_n_u32(Bits(n.high), 23)));
}
inline Vector Magnitude(Vector a) { return {vabsq_f32(a.low), vabsq_f32(a.high)}; }
inline Vector MaxBits(Vector a, Vector b) {
  return Vector::FromBits(vmaxq_u32(Bits(a.low), Bits(b.low)),
                          vmaxq_u32(Bits(a.high), Bits(b.high)));
}
inline Vector::IntegerSums MultiplyAdd(Vector::CodePairs a, Vector::WordPair b,
                                       Vector::IntegerSums c) {
  c.low = vmlal_s16(c.low, vget_low_s16(a.first), vget_low_s16(b.first));
  c.high = vmlal_high_s16(c.high, a.first, b.first);
  c.low = vmlal_s16(c.low, vget_low_s16(a.second), vget_low_s16(b.second));
  c.high = vmlal_high_s16(c.high, a.second, b.second);
  return c;
}
inline Vector::IntegerSums Plus(Vector::IntegerSums a, Vector::IntegerSums b) {
  return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)};
}
inline Vector::Flags NotAtMost(Vector v, Vector limit) {
  return vmvnq_u32(vandq_u32(vcleq_f32(v.low, limit.low), vcleq_f32(v.high, limit.high)));
}
inline Vector KeepWhereAtLeast(Vector v, Vector x, Vector limit) {
  return Vector::FromBits(vandq_u32(vcgeq_f32(x.low, limit.low), Bits(v.low)),
                          vandq_u32(vcgeq_f32(x.high, limit.high), Bits(v.high)));
}

}  // namespace
}  // namespace ingle
