// Products of Q2_K to Q6_K weights with sdot: a lane is a row.
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"
#include "kernels/neon/dot.h"

namespace ingle {

extern const MatmulKernels kNeonSuperBlocks;

namespace {

// Quads 2p and 2p + 1 of a group of 32 k, rows 4r...
template <class Brick>
inline TwoQuads Nibbles(const Brick& brick, uint32_t group, uint32_t p, uint32_t r,
                        uint8x16_t high_even, uint8x16_t high_odd, uint8_t mask) {
  const uint8x16_t x = vld1q_u8(brick.codes[group][p] + 16 * r);
  return {Signed(Insert(vandq_u8(x, vdupq_n_u8(15)), high_even, mask)),
          Signed(Insert(vshrq_n_u8(x, 4), high_odd, mask))};
}

inline TwoQuads Codes(const BrickQ4_K& brick, uint32_t group, uint32_t p, uint32_t r) {
  const uint8x16_t x = vld1q_u8(brick.codes[group][p] + 16 * r);
  return {Signed(vandq_u8(x, vdupq_n_u8(15))), Signed(vshrq_n_u8(x, 4))};
}
// Fifth bits: bit q of a byte to bit 4.
inline TwoQuads Codes(const BrickQ5_K& brick, uint32_t group, uint32_t p, uint32_t r) {
  const uint8x16_t high = vld1q_u8(brick.high[group] + 16 * r);
  return Nibbles(brick, group, p, r, MoveUp(high, 4, 2 * p), MoveUp(high, 4, 2 * p + 1), 16);
}
// Fifth and sixth bits: bits 2q, 2q + 1 (q modulo 4) to bits 4, 5.
inline TwoQuads Codes(const BrickQ6_K& brick, uint32_t group, uint32_t p, uint32_t r) {
  const uint8x16_t high = vld1q_u8(brick.high[2 * group + p / 2] + 16 * r);
  const uint32_t from = p % 2 * 4;
  return Nibbles(brick, group, p, r, MoveUp(high, 4, from), MoveUp(high, 4, from + 2), 0x30);
}

// 2-bit codes: bits 2q, 2q + 1 (q modulo 4) of a byte.
struct TwoBits {
  uint8x16_t even, odd;
};
template <class Brick>
inline TwoBits LowBits(const Brick& brick, uint32_t group, uint32_t p, uint32_t r) {
  const uint8x16_t x = vld1q_u8(brick.low[2 * group + p / 2] + 16 * r), mask = vdupq_n_u8(3);
  const uint32_t from = p % 2 * 4;
  return {vandq_u8(MoveUp(x, 0, from), mask), vandq_u8(MoveUp(x, 0, from + 2), mask)};
}
inline TwoQuads Codes(const BrickQ2_K& brick, uint32_t group, uint32_t p, uint32_t r) {
  const TwoBits low = LowBits(brick, group, p, r);
  return {Signed(low.even), Signed(low.odd)};
}
// Third bits: bit q of a byte to bit 2.
inline TwoQuads Codes(const BrickQ3_K& brick, uint32_t group, uint32_t p, uint32_t r) {
  const TwoBits low = LowBits(brick, group, p, r);
  const uint8x16_t high = vld1q_u8(brick.high[group] + 16 * r);
  return {Signed(Insert(low.even, MoveUp(high, 2, 2 * p), 4)),
          Signed(Insert(low.odd, MoveUp(high, 2, 2 * p + 1), 4))};
}

// How far -32 times a sum is shifted to be what the codes' zero takes off.
inline constexpr int ZeroShift(const BrickQ3_K*) { return 3; }              // 4
[[maybe_unused]] inline constexpr int ZeroShift(const void*) { return 0; }  // 32

inline int16x4_t Widen(const uint8_t* four) {
  uint32_t bits;
  __builtin_memcpy(&bits, four, 4);
  return vreinterpret_s16_u16(vget_low_u16(vmovl_u8(vcreate_u8(bits))));
}
inline int16x4_t Widen(const int8_t* four) {
  uint32_t bits;
  __builtin_memcpy(&bits, four, 4);
  return vget_low_s16(vmovl_s8(vcreate_s8(bits)));
}

// A brick as it lies in memory, decoded on the way.
template <class Brick>
struct PackedBrick {
  const Brick& brick;
  const generic::Ahead& ahead;

  // An eighth with each group: in one burst prefetches would fill the miss buffers.
  void Fetch(uint32_t group) const { ahead.PrefetchEighth<sizeof(Brick)>(&brick, group); }
  TwoQuads Pair(uint32_t p, uint32_t r) const { return Codes(brick, p / 4, p % 4, r); }
  int32x4_t Scale(uint32_t g, uint32_t r) const {
    return vmovl_s16(Widen(brick.scales[g] + 4 * r));
  }
  // Of two groups, one above the other.
  int16x4_t Min(uint32_t g, uint32_t r) const {
    const uint16x4_t two = vreinterpret_u16_u8(vld1_u8(brick.mins[g / 2][4 * r]));
    const auto down = static_cast<int16_t>(g % 2 * 8);
    return vreinterpret_s16_u16(
        vand_u16(vshl_u16(two, vneg_s16(vdup_n_s16(down))), vdup_n_u16(255)));
  }
  float32x4_t D(uint32_t r) const { return Half4(brick.d + 4 * r); }
  float32x4_t Dmin(uint32_t r) const { return Half4(brick.dmin + 4 * r); }
};

// A brick with unpacked codes, and scales as the multiplications want them.
struct alignas(64) SuperPanel {
  int8_t codes[64][64];  // [quad][row, k of the quad]
  int32_t scales[16][16];
  int16_t mins[16][16];
  float d[16], dmin[16];

  void Fetch(uint32_t) const {}  // TileDriver does.
  TwoQuads Pair(uint32_t p, uint32_t r) const {
    return {vld1q_s8(codes[2 * p] + 16 * r), vld1q_s8(codes[2 * p + 1] + 16 * r)};
  }
  int32x4_t Scale(uint32_t g, uint32_t r) const { return vld1q_s32(scales[g] + 4 * r); }
  int16x4_t Min(uint32_t g, uint32_t r) const { return vld1_s16(mins[g] + 4 * r); }
  float32x4_t D(uint32_t r) const { return vld1q_f32(d + 4 * r); }
  float32x4_t Dmin(uint32_t r) const { return vld1q_f32(dmin + 4 * r); }
};

inline const ActivationQ8x256& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x256*>(activations + token * stride);
}

template <class Brick>
struct SuperBlocks {
  using Activation = ActivationQ8x256;
  using Panel = SuperPanel;
  static constexpr bool kHasMins = requires(Brick b) { b.dmin; };
  static constexpr uint32_t kScaleGroups = sizeof(Brick::scales) / kTileRows;
  static constexpr int kZeroShift = ZeroShift(static_cast<const Brick*>(nullptr));
  static constexpr uint32_t kDirectTokens = 4, kPanelTokens = 4, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = sizeof(Brick);

  static size_t TileBytes(uint32_t cols) { return cols / kBrickK * sizeof(Brick); }

  // What a scale group's sum starts from: codes without mins are too large.
  static int32x4_t Start(const ActivationQ8x256& a, uint32_t scale_group) {
    if constexpr (kHasMins) return vdupq_n_s32(0);
    return vdupq_n_s32(a.minus_32_sums[scale_group] >> kZeroShift);
  }

  // scaled += scale * (codes . activations) over the group.
  template <uint32_t T, class Source>
  static void AddScaleGroup(const Source& source, uint32_t g, const uint8_t* activations,
                            size_t stride, int32x4_t (&scaled)[T][kQuarters]) {
    int32x4_t sum[T][kQuarters];
    const int8_t* a[T];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      a[t] = Block(activations, stride, t).q;
      const int32x4_t start = Start(Block(activations, stride, t), g);
#pragma GCC unroll 4
      for (uint32_t r = 0; r < kQuarters; ++r) sum[t][r] = start;
    }
    constexpr uint32_t kSixteens = 16 / kScaleGroups;
#pragma GCC unroll 2
    for (uint32_t i = 0; i < kSixteens; ++i) AddSixteen(source, g * kSixteens + i, a, sum);
#pragma GCC unroll 4
    for (uint32_t r = 0; r < kQuarters; ++r) {
      const int32x4_t scale = source.Scale(g, r);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) scaled[t][r] = vmlaq_s32(scaled[t][r], sum[t][r], scale);
    }
  }

  // total += the mins of rows 4r... times the sums of each token's activations.
  template <uint32_t T, class Source>
  static void AddMins(const Source& source, uint32_t r, const uint8_t* activations, size_t stride,
                      int32x4_t (&total)[T]) {
#pragma GCC unroll 16
    for (uint32_t g = 0; g < kScaleGroups; ++g) {
      const int16x4_t mins = source.Min(g, r);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        const ActivationQ8x256& a = Block(activations, stride, t);
        total[t] = vmlal_n_s16(total[t], mins, kScaleGroups == 8 ? a.sum32[g] : a.sum16[g]);
      }
    }
  }

  // sums: [T][16 rows], of the bricks before this one.
  template <uint32_t T, class Source>
  static void AddBrick(const Source& source, const uint8_t* activations, size_t stride,
                       float* sums) {
    int32x4_t scaled[T][kQuarters];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (uint32_t r = 0; r < kQuarters; ++r) scaled[t][r] = vdupq_n_s32(0);
    for (uint32_t g = 0; g < kScaleGroups; ++g) {
      if (g % (kScaleGroups / 8) == 0) source.Fetch(g / (kScaleGroups / 8));
      AddScaleGroup<T>(source, g, activations, stride, scaled);
    }
#pragma GCC unroll 4
    for (uint32_t r = 0; r < kQuarters; ++r) {
      const float32x4_t d = source.D(r);
      float32x4_t dmin;
      int32x4_t mins[T] = {};
      if constexpr (kHasMins) {
        dmin = source.Dmin(r);
        AddMins(source, r, activations, stride, mins);
      }
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        float32x4_t v = vmulq_f32(d, vcvtq_f32_s32(scaled[t][r]));
        if constexpr (kHasMins) v = vfmsq_f32(v, dmin, vcvtq_f32_s32(mins[t]));
        float* to = sums + t * kTileRows + 4 * r;
        vst1q_f32(to, vfmaq_n_f32(vld1q_f32(to), v, Block(activations, stride, t).d));
      }
    }
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    alignas(64) float sums[T * kTileRows] = {};
    const auto* bricks = reinterpret_cast<const Brick*>(tile);
    for (uint32_t b = 0; b < cols / kBrickK; ++b) {
      AddBrick<T>(PackedBrick<Brick>{bricks[b], ahead}, activations + b * sizeof(Activation),
                  stride, sums);
    }
    generic::DeliverTokens<T>(sums, out, out_stride, rows);
  }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t, uint32_t index, Panel& panel) {
    const generic::Ahead nothing = {0, 0, 64};
    const PackedBrick<Brick> brick = {reinterpret_cast<const Brick*>(tiles[0])[index], nothing};
    for (uint32_t r = 0; r < kQuarters; ++r) {
      for (uint32_t p = 0; p < 32; ++p) {
        const TwoQuads quads = brick.Pair(p, r);
        vst1q_s8(panel.codes[2 * p] + 16 * r, quads.even);
        vst1q_s8(panel.codes[2 * p + 1] + 16 * r, quads.odd);
      }
      for (uint32_t g = 0; g < kScaleGroups; ++g) {
        vst1q_s32(panel.scales[g] + 4 * r, brick.Scale(g, r));
        if constexpr (kHasMins) vst1_s16(panel.mins[g] + 4 * r, brick.Min(g, r));
      }
      vst1q_f32(panel.d + 4 * r, brick.D(r));
      if constexpr (kHasMins) vst1q_f32(panel.dmin + 4 * r, brick.Dmin(r));
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    AddBrick<T>(panel, activations, stride, sums);
  }
};

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightQ4_K] = generic::TileDriver<SuperBlocks<BrickQ4_K>>::Multiply;
  table.multiply[kWeightQ5_K] = generic::TileDriver<SuperBlocks<BrickQ5_K>>::Multiply;
  table.multiply[kWeightQ6_K] = generic::TileDriver<SuperBlocks<BrickQ6_K>>::Multiply;
  table.multiply[kWeightQ2_K] = generic::TileDriver<SuperBlocks<BrickQ2_K>>::Multiply;
  table.multiply[kWeightQ3_K] = generic::TileDriver<SuperBlocks<BrickQ3_K>>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kNeonSuperBlocks = Table();

}  // namespace ingle
