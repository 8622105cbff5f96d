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
