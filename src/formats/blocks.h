#pragma once
// Block layouts of the quantised types, as they lie in model files (little endian, no padding; the
// layouts are those of ggml's ggml-common.h). Files give no alignment: copy a block out before
// reading its fields. Scales named d, m, dmin are IEEE half floats in their bits.

#include <cstdint>

namespace ingle {

inline constexpr uint32_t kSmallBlock = 32;   // Weights of a Q*_0 or Q*_1 block.
inline constexpr uint32_t kSuperBlock = 256;  // Weights of a K-quant's block.

// w = d * q
struct BlockQ8_0 {
  uint16_t d;
  int8_t q[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

// w = d * (q - 8). Byte j holds weight j in its low and weight j + 16 in its high nibble (all four
// types below).
struct BlockQ4_0 {
  uint16_t d;
  uint8_t q[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

// w = d * q + m
struct BlockQ4_1 {
  uint16_t d, m;
  uint8_t q[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

// w = d * (q - 16); bit j of `high` (little-endian 32 bits) is the fifth bit of weight j.
struct BlockQ5_0 {
  uint16_t d;
  uint8_t high[4];
  uint8_t q[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

// w = d * q + m
struct BlockQ5_1 {
  uint16_t d, m;
  uint8_t high[4];
  uint8_t q[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

// Eight groups of 32: w = d * scale[group] * q - dmin * min[group]. Bytes 32c..32c+31 of q hold
// group 2c in their low and group 2c+1 in their high nibbles. `scales` packs eight 6-bit scales and
// mins: see UnpackScaleMin.
struct BlockQ4_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t q[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

// As Q4_K; bit g of high[i] is the fifth bit of weight i of group g.
struct BlockQ5_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t high[32];
  uint8_t q[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

// Sixteen groups of 16: w = d * scales[group] * (q - 32). Each half of 128 weights takes 64 bytes
// of low nibbles and 32 bytes of bit pairs: weight 32k + i (k = 0..3) has its nibble in low[32 * (k
// % 2) + i] (high nibble for k >= 2) and bits 2k, 2k+1 of high[i].
struct BlockQ6_K {
  uint8_t low[128];
  uint8_t high[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

// Sixteen groups of 16: w = d * scale * q - dmin * min, with the group's scale in the low and its
// min in the high nibble of its byte. Weight 32k + i of half h has bits 2k, 2k+1 of q[32h + i].
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t q[64];
  uint16_t d, dmin;
};
static_assert(sizeof(BlockQ2_K) == 84);

// Sixteen groups of 16: w = d * scale * (q - 4). Low two bits as in Q2_K; bit g of high[i] is the
// third bit of weight i of group g of 32. `scales`: see UnpackScaleQ3_K.
struct BlockQ3_K {
  uint8_t high[32];
  uint8_t q[64];
  uint8_t scales[12];
  uint16_t d;
};
static_assert(sizeof(BlockQ3_K) == 110);

// w = d * kIq4Values[q]; nibbles as in Q4_0.
struct BlockIQ4_NL {
  uint16_t d;
  uint8_t q[16];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

// Eight groups of 32: w = d * (scale - 32) * kIq4Values[q]. A group's scale has four bits in its
// nibble of scales_low and two in scales_high; its nibbles lie in 16 bytes of q as in Q4_0.
struct BlockIQ4_XS {
  uint16_t d, scales_high;
  uint8_t scales_low[4];
  uint8_t q[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

// w = 2^(exponent - 128) * kMxfp4Values[q]; nibbles as in Q4_0. (The element format E2M1 has half
// of these values: 0.5 to 6.)
struct BlockMXFP4 {
  uint8_t exponent;
  uint8_t q[16];
};
static_assert(sizeof(BlockMXFP4) == 17);

inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
inline constexpr int8_t kMxfp4Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

// The scale of an MXFP4 block as a float's bits: exact, subnormals included.
constexpr uint32_t Mxfp4ScaleBits(uint8_t exponent) {
  return exponent < 2 ? 0x200000u << exponent : (exponent - 1u) << 23;
}

// Q3_K: low nibbles of groups 0-7, high ones of 8-15 in bytes 0-7; two more bits of group g in bits
// 2 * (g / 4) of byte 8 + g % 4.
constexpr int32_t UnpackScaleQ3_K(const uint8_t* scales, uint32_t group) {
  const int32_t low = scales[group % 8] >> (group / 8 * 4) & 15;
  const int32_t high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

constexpr int32_t UnpackScaleIQ4_XS(const BlockIQ4_XS& block, uint32_t group) {
  const int32_t low = block.scales_low[group / 2] >> (group % 2 * 4) & 15;
  const int32_t high = block.scales_high >> (group * 2) & 3;
  return (low | high << 4) - 32;
}

struct ScaleMin {
  uint8_t scale, min;  // 6 bits each.
};

// Groups 0-3 use the low 6 bits of bytes 0-3 (scale) and 4-7 (min); groups 4-7 the nibbles of bytes
// 8-11 with the top two bits of the earlier bytes above them.
constexpr ScaleMin UnpackScaleMin(const uint8_t* scales, uint32_t group) {
  if (group < 4) {
    return {static_cast<uint8_t>(scales[group] & 63), static_cast<uint8_t>(scales[group + 4] & 63)};
  }
  const uint8_t nibbles = scales[group + 4];
  return {static_cast<uint8_t>((nibbles & 15) | (scales[group - 4] >> 6) << 4),
          static_cast<uint8_t>((nibbles >> 4) | (scales[group] >> 6) << 4)};
}

}  // namespace ingle
