#pragma once
// Layouts of packed weights and of quantised activations. Plain data: included under every ISA's
// flags.
//
// A tile is 16 output rows with all their columns; a brick is 256 columns of a tile. A *quad* is 4
// consecutive k of one row (4 bytes of codes); codes lie as [quad][16 rows][4 k], so that 64 bytes
// hold one quad of all 16 rows: what a dot-product instruction wants against 4 broadcast
// activations, and what 16 of them make an AMX tile of. 4-bit codes: 64 bytes hold two quads, 2g in
// the low and 2g + 1 in the high nibbles. Fifth bits: bit q of a byte belongs to quad q of its
// group of 32 k. Everything is a permutation of the model file's bits. Half floats stay in their
// bits.

#include <cstddef>
#include <cstdint>

namespace ingle {

inline constexpr uint32_t kTileRows = 16;
inline constexpr uint32_t kBrickK = 256;
inline constexpr uint32_t kGroupK = 32;

struct alignas(64) BrickQ4_K {
  uint8_t codes[8][4][64];  // [group of 32 k][pair of quads]
  uint8_t scales[8][16];    // [group][row], 6 bits each
  uint8_t mins[4][16][2];   // [pair of groups][row][group of the pair], 6 bits each
  uint16_t d[16], dmin[16];
};
static_assert(sizeof(BrickQ4_K) == 2368);

struct alignas(64) BrickQ5_K {
  uint8_t codes[8][4][64];
  uint8_t high[8][64];  // [group]; see above
  uint8_t scales[8][16];
  uint8_t mins[4][16][2];
  uint16_t d[16], dmin[16];
};
static_assert(sizeof(BrickQ5_K) == 2880);

struct alignas(64) BrickQ6_K {
  uint8_t codes[8][4][64];
  uint8_t high[16][64];  // [group of 16 k]; bits 2q, 2q + 1 of a byte belong to quad q of the group
  int8_t scales[16][16];  // [group of 16 k][row]
  uint16_t d[16];
  uint8_t padding[32];
};
static_assert(sizeof(BrickQ6_K) == 3392);

// 2-bit codes: [group of 16 k][row, k of the quad], bits 2q, 2q + 1 of a byte belong to quad q of
// the group, as in BrickQ6_K.
struct alignas(64) BrickQ2_K {
  uint8_t low[16][64];
  uint8_t scales[16][16];  // [group of 16 k][row], 4 bits each
  uint8_t mins[8][16][2];  // [pair of groups][row][group of the pair], 4 bits each
  uint16_t d[16], dmin[16];
};
static_assert(sizeof(BrickQ2_K) == 1600);

struct alignas(64) BrickQ3_K {
  uint8_t low[16][64];    // As in BrickQ2_K,
  uint8_t high[8][64];    // and third bits: [group of 32 k]; bit q of a byte belongs to quad q.
  int8_t scales[16][16];  // [group of 16 k][row]
  uint16_t d[16];
  uint8_t padding[32];
};
static_assert(sizeof(BrickQ3_K) == 1856);

// What a 4-bit code stands for in types with a codebook (formats/blocks.h has the same numbers).
enum class Codebook : uint8_t { kNone, kIq4, kMxfp4 };
alignas(16) static constexpr int8_t kCodebookValues[3][16] = {
    {},
    {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
    {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}};

// Types with a scale (and an offset) per 32 weights. A brick of n groups (8; fewer at the end of a
// row) is codes[n][code_bytes], high[n][64] if bits is 5, d[n][16 rows] (half floats; floats if
// wide_scale) and m[n][16 rows] if has_min, filled up to a multiple of 64 bytes.
struct SmallBlockLayout {
  uint32_t bits;  // 4, 5 or 8. 8-bit codes are stored as q + 128.
  bool has_min;   // w = d * code + m; else w = d * (code - zero).
  uint32_t zero;
  Codebook codebook = Codebook::kNone;  // Else w = d * kCodebookValues[codebook][code].
  bool wide_scale = false;
};
inline constexpr SmallBlockLayout kLayoutQ8_0 = {8, false, 128};
inline constexpr SmallBlockLayout kLayoutQ4_0 = {4, false, 8};
inline constexpr SmallBlockLayout kLayoutQ4_1 = {4, true, 0};
inline constexpr SmallBlockLayout kLayoutQ5_0 = {5, false, 16};
inline constexpr SmallBlockLayout kLayoutQ5_1 = {5, true, 0};

inline constexpr SmallBlockLayout kLayoutIQ4_NL = {4, false, 128, Codebook::kIq4, false};
// d: the group's own scale, as a product of the file's two.
inline constexpr SmallBlockLayout kLayoutIQ4_XS = {4, false, 128, Codebook::kIq4, true};
inline constexpr SmallBlockLayout kLayoutMXFP4 = {4, false, 128, Codebook::kMxfp4, true};

// For template arguments where a struct would leave symbols in an object.
enum class SmallBlockType : uint8_t { kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kIQ4_NL, kIQ4_XS, kMXFP4 };
static constexpr SmallBlockLayout LayoutOf(SmallBlockType type) {
  switch (type) {
    case SmallBlockType::kQ8_0: return kLayoutQ8_0;
    case SmallBlockType::kQ4_0: return kLayoutQ4_0;
    case SmallBlockType::kQ4_1: return kLayoutQ4_1;
    case SmallBlockType::kQ5_0: return kLayoutQ5_0;
    case SmallBlockType::kIQ4_NL: return kLayoutIQ4_NL;
    case SmallBlockType::kIQ4_XS: return kLayoutIQ4_XS;
    case SmallBlockType::kMXFP4: return kLayoutMXFP4;
    case SmallBlockType::kQ5_1: break;
  }
  return kLayoutQ5_1;
}

static constexpr uint32_t CodeBytes(SmallBlockLayout layout) {
  return layout.bits == 8 ? 512 : 256;
}
static constexpr uint32_t HighOffset(SmallBlockLayout layout, uint32_t groups) {
  return groups * CodeBytes(layout);
}
static constexpr uint32_t ScaleOffset(SmallBlockLayout layout, uint32_t groups) {
  return HighOffset(layout, groups) + (layout.bits == 5 ? groups * 64 : 0);
}
// Of a group's 16 rows.
static constexpr uint32_t ScaleBytes(SmallBlockLayout layout) {
  return layout.wide_scale ? 64 : 32;
}
static constexpr uint32_t MinOffset(SmallBlockLayout layout, uint32_t groups) {
  return ScaleOffset(layout, groups) + groups * ScaleBytes(layout);
}
static constexpr uint32_t SmallBrickBytes(SmallBlockLayout layout, uint32_t groups) {
  return (MinOffset(layout, groups) + (layout.has_min ? groups * 32 : 0) + 63) / 64 * 64;
}
static constexpr size_t SmallTileBytes(SmallBlockLayout layout, uint32_t cols) {
  const size_t whole = cols / kBrickK * size_t{SmallBrickBytes(layout, 8)};
  return whole + SmallBrickBytes(layout, cols % kBrickK / kGroupK);
}

// F16 and BF16: 32 columns of a tile (zeros beyond the last column): [pair of k][row][k of the
// pair].
struct alignas(64) BrickHalf {
  uint16_t w[16][16][2];
};
// F32: 16 columns of a tile: [row][k].
struct alignas(64) BrickF32 {
  float w[16][16];
};

// Activations of one token. Columns beyond the last are zero in all of them.
struct alignas(64) ActivationQ8x256 {
  int8_t q[256];
  int32_t minus_32_sums[16];  // -32 times the sum of q over each group of 16: what Q6_K's zero
                              // takes off.
  int16_t sum16[16];          // Sums of q over groups of 16,
  int16_t sum32[8];           // and of 32.
  float d;
  // What bounds a group's products with codes, which tells whether 16 bits hold them:
  uint16_t most16;  // the largest sum of magnitudes of a group of 16,
  uint16_t most32;  // and, over groups of 32, the largest sum of what has one sign.
  uint8_t padding[8];
};
static_assert(sizeof(ActivationQ8x256) == 384);

struct alignas(64) ActivationQ8x32 {
  int8_t q[8][32];
  float d[8];
  int32_t
      minus_8_sums[8];  // -8 times the sum of q over each group of 32: what a zero of 8 takes off.
};
static_assert(sizeof(ActivationQ8x32) == 320);

// Their bf16 numbers are for a tier's instructions, so they are in the order that the tier wants.
struct alignas(64) ActivationBf16 {
  float x[32];        // Rounded to bf16,
  uint16_t bits[32];  // and as bf16.
};
struct alignas(64) ActivationBf16x2 {
  float hi[32], lo[32];  // x rounded to bf16, and the rest rounded to bf16;
  uint16_t hi_bits[32], lo_bits[32];
};
struct alignas(64) ActivationF32 {
  float x[16];
};

// A group of activations whose largest magnitude is below this is all zero (its scale's reciprocal
// would overflow).
inline constexpr float kSmallestGroupMaximum = 0x1p-100f;

}  // namespace ingle
