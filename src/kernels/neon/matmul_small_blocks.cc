// Products of Q8_0, Q4_*, Q5_* and codebook weights with sdot: a lane is a row.
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"
#include "kernels/neon/dot.h"

namespace ingle {

extern const MatmulKernels kNeonSmallBlocks;

namespace {

// A brick as it lies in memory, decoded on the way.
template <SmallBlockType kType>
struct PackedBrick {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  const uint8_t* brick;
  uint32_t groups;
  const generic::Ahead& ahead;

  void Fetch(uint32_t group) const {
    ahead.PrefetchEighth<SmallBrickBytes(kLayout, 8)>(brick, group);
  }

  // Quads 2p and 2p + 1 of the brick, rows 4r...
  TwoQuads Pair(uint32_t p, uint32_t r) const {
    if constexpr (kLayout.bits == 8) {
      const uint8_t* codes = brick + p * 128 + 16 * r;
      const uint8x16_t zero = vdupq_n_u8(128);
      return {Signed(veorq_u8(vld1q_u8(codes), zero)),
              Signed(veorq_u8(vld1q_u8(codes + 64), zero))};
    }
    const uint8x16_t x = vld1q_u8(brick + p * 64 + 16 * r);
    uint8x16_t even = vandq_u8(x, vdupq_n_u8(15)), odd = vshrq_n_u8(x, 4);
    if constexpr (kLayout.bits == 5) {  // Bit q to bit 4.
      const uint32_t group = p / 4, q = p % 4 * 2;
      const uint8x16_t high = vld1q_u8(brick + HighOffset(kLayout, groups) + group * 64 + 16 * r);
      even = Insert(even, MoveUp(high, 4, q), 16);
      odd = Insert(odd, MoveUp(high, 4, q + 1), 16);
    }
    if constexpr (kLayout.codebook != Codebook::kNone) {
      const int8x16_t values = vld1q_s8(kCodebookValues[static_cast<size_t>(kLayout.codebook)]);
      return {vqtbl1q_s8(values, even), vqtbl1q_s8(values, odd)};
    }
    return {Signed(even), Signed(odd)};
  }

  float32x4_t D(uint32_t group, uint32_t r) const {
    const uint8_t* d = brick + ScaleOffset(kLayout, groups) + group * ScaleBytes(kLayout);
    if constexpr (kLayout.wide_scale) return vreinterpretq_f32_u8(vld1q_u8(d + 16 * r));
    return Half4(d + 8 * r);
  }
  float32x4_t M(uint32_t group, uint32_t r) const {
    return Half4(brick + MinOffset(kLayout, groups) + group * 32 + 8 * r);
  }
};

// A brick with unpacked codes, and scales in floats.
struct alignas(64) SmallPanel {
  int8_t codes[64][64];  // [quad][row, k of the quad]
  float d[8][16], m[8][16];
  uint32_t groups;

  void Fetch(uint32_t) const {}  // TileDriver does.
  TwoQuads Pair(uint32_t p, uint32_t r) const {
    return {vld1q_s8(codes[2 * p] + 16 * r), vld1q_s8(codes[2 * p + 1] + 16 * r)};
  }
  float32x4_t D(uint32_t group, uint32_t r) const { return vld1q_f32(d[group] + 4 * r); }
  float32x4_t M(uint32_t group, uint32_t r) const { return vld1q_f32(m[group] + 4 * r); }
};

inline const ActivationQ8x32& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x32*>(activations + token * stride);
}

template <SmallBlockType kType>
struct SmallBlocks {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  using Activation = ActivationQ8x32;
  using Panel = SmallPanel;
  static constexpr uint32_t kDirectTokens = 4, kPanelTokens = 4, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = SmallBrickBytes(kLayout, 8);
  static constexpr bool kSigned = kLayout.bits == 8 || kLayout.codebook != Codebook::kNone;

  static size_t TileBytes(uint32_t cols) { return SmallTileBytes(kLayout, cols); }

  // What a group's sum starts from: codes are `zero` too large, signed ones are not.
  static int32x4_t Start(const ActivationQ8x32& a, uint32_t group) {
    if constexpr (kLayout.zero == 0 || kSigned) return vdupq_n_s32(0);
    return vdupq_n_s32(a.minus_8_sums[group] * static_cast<int32_t>(kLayout.zero / 8));
  }

  // sums: [T][16 rows], of the groups before this one.
  template <uint32_t T, class Source>
  static void AddGroup(const Source& source, uint32_t group, const uint8_t* activations,
                       size_t stride, float* sums) {
    int32x4_t sum[T][kQuarters];
    const int8_t* q[T];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      q[t] = reinterpret_cast<const int8_t*>(Block(activations, stride, t).q);
      const int32x4_t start = Start(Block(activations, stride, t), group);
#pragma GCC unroll 4
      for (uint32_t r = 0; r < kQuarters; ++r) sum[t][r] = start;
    }
    AddSixteen(source, 2 * group, q, sum);
    AddSixteen(source, 2 * group + 1, q, sum);
#pragma GCC unroll 4
    for (uint32_t r = 0; r < kQuarters; ++r) {
      const float32x4_t d = source.D(group, r);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        const ActivationQ8x32& a = Block(activations, stride, t);
        float* to = sums + t * kTileRows + 4 * r;
        float32x4_t acc =
            vfmaq_f32(vld1q_f32(to), vmulq_n_f32(d, a.d[group]), vcvtq_f32_s32(sum[t][r]));
        if constexpr (kLayout.has_min) {
          const float q_sum = static_cast<float>(a.minus_8_sums[group]) * -0.125f;
          acc = vfmaq_n_f32(acc, vmulq_n_f32(source.M(group, r), a.d[group]), q_sum);
        }
        vst1q_f32(to, acc);
      }
    }
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    alignas(64) float sums[T * kTileRows] = {};
    for (uint32_t left = cols / kGroupK; left > 0; activations += sizeof(Activation)) {
      const uint32_t groups = left < 8 ? left : 8;
      const PackedBrick<kType> brick = {tile, groups, ahead};
      for (uint32_t group = 0; group < groups; ++group) {
        brick.Fetch(group);
        AddGroup<T>(brick, group, activations, stride, sums);
      }
      tile += SmallBrickBytes(kLayout, groups);
      left -= groups;
    }
    generic::DeliverTokens<T>(sums, out, out_stride, rows);
  }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const uint32_t left = cols / kGroupK - index * 8;
    const generic::Ahead nothing = {0, 0, 64};
    const PackedBrick<kType> brick = {tiles[0] + index * kBrickBytes, left < 8 ? left : 8, nothing};
    panel.groups = brick.groups;
    for (uint32_t r = 0; r < kQuarters; ++r) {
      for (uint32_t p = 0; p < brick.groups * 4; ++p) {
        const TwoQuads quads = brick.Pair(p, r);
        vst1q_s8(panel.codes[2 * p] + 16 * r, quads.even);
        vst1q_s8(panel.codes[2 * p + 1] + 16 * r, quads.odd);
      }
      for (uint32_t group = 0; group < brick.groups; ++group) {
        vst1q_f32(panel.d[group] + 4 * r, brick.D(group, r));
        if constexpr (kLayout.has_min) vst1q_f32(panel.m[group] + 4 * r, brick.M(group, r));
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    for (uint32_t group = 0; group < panel.groups; ++group)
      AddGroup<T>(panel, group, activations, stride, sums);
  }
};

template <SmallBlockType kType>
using Driver = generic::TileDriver<SmallBlocks<kType>>;

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightQ8_0] = Driver<SmallBlockType::kQ8_0>::Multiply;
  table.multiply[kWeightQ4_0] = Driver<SmallBlockType::kQ4_0>::Multiply;
  table.multiply[kWeightQ4_1] = Driver<SmallBlockType::kQ4_1>::Multiply;
  table.multiply[kWeightQ5_0] = Driver<SmallBlockType::kQ5_0>::Multiply;
  table.multiply[kWeightQ5_1] = Driver<SmallBlockType::kQ5_1>::Multiply;
  table.multiply[kWeightIQ4_NL] = Driver<SmallBlockType::kIQ4_NL>::Multiply;
  table.multiply[kWeightIQ4_XS] = Driver<SmallBlockType::kIQ4_XS>::Multiply;
  table.multiply[kWeightMXFP4] = Driver<SmallBlockType::kMXFP4>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kNeonSmallBlocks = Table();

}  // namespace ingle
