// Products of F32, F16 and BF16 weights with NEON: for F16 and BF16 a lane is a row, for F32 it is
// k modulo 4.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kNeonFloats;

namespace {

inline float32x4_t CutToBf16(float32x4_t x) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0xffff0000u)));
}

// The pairs of weights of four rows.
inline uint32x4_t LoadPairs(const uint16_t (*pairs)[2]) {
  return vreinterpretq_u32_u16(vld1q_u16(*pairs));
}

struct Bf16 {
  using Brick = ActivationBf16;
  static constexpr uint32_t kTokens = 4;
  // Registers of rows that go together: eight sums hide the latency of one addition.
  static constexpr uint32_t Registers(uint32_t tokens) { return tokens <= 2 ? 4 : 2; }

  // One of the two pairs of k that x (4 activations of each token) holds.
  template <int kPair, uint32_t T, uint32_t R>
  [[gnu::always_inline]] static void AddPair(const uint16_t (*pairs)[2], const float32x4_t (&x)[T],
                                             float32x4_t (&even)[T][R], float32x4_t (&odd)[T][R]) {
#pragma GCC unroll 4
    for (uint32_t r = 0; r < R; ++r) {
      const uint32x4_t bits = LoadPairs(pairs + 4 * r);
      const float32x4_t w_even = vreinterpretq_f32_u32(vshlq_n_u32(bits, 16));
      const float32x4_t w_odd = CutToBf16(vreinterpretq_f32_u32(bits));
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        even[t][r] = vfmaq_laneq_f32(even[t][r], w_even, x[t], 2 * kPair);
        odd[t][r] = vfmaq_laneq_f32(odd[t][r], w_odd, x[t], 2 * kPair + 1);
      }
    }
  }

  // acc += (chain over even k + chain over odd k), per token, for 4 * R rows from `row` on.
  template <uint32_t T, uint32_t R>
  static void AddBrick(const BrickHalf& brick, uint32_t row, const ActivationBf16* const (&a)[T],
                       float* acc) {
    float32x4_t even[T][R], odd[T][R];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (uint32_t r = 0; r < R; ++r) even[t][r] = odd[t][r] = vdupq_n_f32(0.0f);
#pragma GCC unroll 2
    for (uint32_t p = 0; p < 16; p += 2) {
      float32x4_t x[T];
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) x[t] = vld1q_f32(a[t]->x + 2 * p);
      AddPair<0, T, R>(brick.w[p] + row, x, even, odd);
      AddPair<1, T, R>(brick.w[p + 1] + row, x, even, odd);
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (uint32_t r = 0; r < R; ++r) {
        float* to = acc + t * kTileRows + row + 4 * r;
        vst1q_f32(to, vaddq_f32(vld1q_f32(to), vaddq_f32(even[t][r], odd[t][r])));
      }
    }
  }
};

struct F16 {
  using Brick = ActivationBf16x2;
  static constexpr uint32_t kTokens = 2;
  static constexpr uint32_t Registers(uint32_t tokens) { return tokens == 1 ? 4 : 2; }

  static float32x4_t Floats(uint16x4_t halves) {
    return vcvt_f32_f16(vreinterpret_f16_u16(halves));
  }

  template <int kPair, uint32_t T, uint32_t R>
  [[gnu::always_inline]] static void AddPair(const uint16_t (*pairs)[2],
                                             const float32x4_t (&x_hi)[T],
                                             const float32x4_t (&x_lo)[T],
                                             float32x4_t (&even)[T][R][3],
                                             float32x4_t (&odd)[T][R][3]) {
    constexpr int kEven = 2 * kPair, kOdd = 2 * kPair + 1;
#pragma GCC unroll 4
    for (uint32_t r = 0; r < R; ++r) {
      const uint32x4_t bits = LoadPairs(pairs + 4 * r);
      const float32x4_t w_even = Floats(vmovn_u32(bits)), w_odd = Floats(vshrn_n_u32(bits, 16));
      const float32x4_t hi_even = CutToBf16(w_even), hi_odd = CutToBf16(w_odd);
      const float32x4_t lo_even = vsubq_f32(w_even, hi_even), lo_odd = vsubq_f32(w_odd, hi_odd);
#pragma GCC unroll 2
      for (uint32_t t = 0; t < T; ++t) {
        even[t][r][0] = vfmaq_laneq_f32(even[t][r][0], hi_even, x_hi[t], kEven);
        odd[t][r][0] = vfmaq_laneq_f32(odd[t][r][0], hi_odd, x_hi[t], kOdd);
        even[t][r][1] = vfmaq_laneq_f32(even[t][r][1], hi_even, x_lo[t], kEven);
        odd[t][r][1] = vfmaq_laneq_f32(odd[t][r][1], hi_odd, x_lo[t], kOdd);
        even[t][r][2] = vfmaq_laneq_f32(even[t][r][2], lo_even, x_hi[t], kEven);
        odd[t][r][2] = vfmaq_laneq_f32(odd[t][r][2], lo_odd, x_hi[t], kOdd);
      }
    }
  }

  // As above for each of hi * hi, hi * lo, lo * hi.
  template <uint32_t T, uint32_t R>
  static void AddBrick(const BrickHalf& brick, uint32_t row, const ActivationBf16x2* const (&a)[T],
                       float* acc) {
    float32x4_t even[T][R][3], odd[T][R][3];
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 3
        for (uint32_t i = 0; i < 3; ++i) even[t][r][i] = odd[t][r][i] = vdupq_n_f32(0.0f);
    for (uint32_t p = 0; p < 16; p += 2) {
      float32x4_t x_hi[T], x_lo[T];
#pragma GCC unroll 2
      for (uint32_t t = 0; t < T; ++t) {
        x_hi[t] = vld1q_f32(a[t]->hi + 2 * p);
        x_lo[t] = vld1q_f32(a[t]->lo + 2 * p);
      }
      AddPair<0, T, R>(brick.w[p] + row, x_hi, x_lo, even, odd);
      AddPair<1, T, R>(brick.w[p + 1] + row, x_hi, x_lo, even, odd);
    }
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 4
      for (uint32_t r = 0; r < R; ++r) {
        float* to = acc + t * kTileRows + row + 4 * r;
        float32x4_t sum = vld1q_f32(to);
#pragma GCC unroll 3
        for (uint32_t i = 0; i < 3; ++i)
          sum = vaddq_f32(sum, vaddq_f32(even[t][r][i], odd[t][r][i]));
        vst1q_f32(to, sum);
      }
    }
  }
};

// The family of TileDriver; a "panel" is eight bricks as they are.
template <class Half>
struct Halves {
  struct Activation {
    typename Half::Brick bricks[8];
  };
  static constexpr uint32_t kPanelTokens = Half::kTokens, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = 8 * sizeof(BrickHalf);

  struct Panel {
    const BrickHalf* bricks;
    uint32_t count;
  };

  static size_t TileBytes(uint32_t cols) { return (cols + 31) / 32 * sizeof(BrickHalf); }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t cols, uint32_t index,
                     Panel& panel) {
    panel.bricks = reinterpret_cast<const BrickHalf*>(tiles[0]) + index * 8;
    const uint32_t left = (cols + 31) / 32 - index * 8;
    panel.count = left < 8 ? left : 8;
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    constexpr uint32_t kRegisters = Half::Registers(T);
    for (uint32_t b = 0; b < panel.count; ++b) {
      const typename Half::Brick* a[T];
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t)
        a[t] = reinterpret_cast<const typename Half::Brick*>(activations + t * stride) + b;
      for (uint32_t row = 0; row < kTileRows; row += 4 * kRegisters)
        Half::template AddBrick<T, kRegisters>(panel.bricks[b], row, a, sums);
    }
  }
};

// Sixteen lanes folded onto each other: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
inline float FoldLanes(const float32x4_t (&lanes)[4]) {
  const float32x4_t x4 = vaddq_f32(vaddq_f32(lanes[0], lanes[2]), vaddq_f32(lanes[1], lanes[3]));
  const float32x2_t x2 = vadd_f32(vget_low_f32(x4), vget_high_f32(x4));
  return vget_lane_f32(x2, 0) + vget_lane_f32(x2, 1);
}

// R rows of a tile from `first` on, T tokens.
template <uint32_t R, uint32_t T>
void F32Block(const MultiplyArgs& args, const BrickF32* tile, uint32_t row, uint32_t first,
              uint32_t token) {
  const uint32_t bricks = (args.cols + 15) / 16;
  const uint8_t* activations = args.activations + token * args.activation_stride;
  float32x4_t acc[R][T][4];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t)
#pragma GCC unroll 4
      for (uint32_t i = 0; i < 4; ++i) acc[r][t][i] = vdupq_n_f32(0.0f);
  for (uint32_t b = 0; b < bricks; ++b) {
    const float* a[T];
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t)
      a[t] = reinterpret_cast<const ActivationF32*>(activations + t * args.activation_stride)[b].x;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; ++i) {
      float32x4_t x[T];
#pragma GCC unroll 2
      for (uint32_t t = 0; t < T; ++t) x[t] = vld1q_f32(a[t] + 4 * i);
#pragma GCC unroll 4
      for (uint32_t r = 0; r < R; ++r) {
        const float32x4_t w = vld1q_f32(tile[b].w[first + r] + 4 * i);
#pragma GCC unroll 2
        for (uint32_t t = 0; t < T; ++t) acc[r][t][i] = vfmaq_f32(acc[r][t][i], w, x[t]);
      }
    }
  }
  for (uint32_t r = 0; r < R && row + first + r < args.rows; ++r)
    for (uint32_t t = 0; t < T; ++t)
      args.out[(token + t) * args.out_stride + row + first + r] = FoldLanes(acc[r][t]);
}

void MultiplyF32(const MultiplyArgs& args) {
  const uint32_t bricks = (args.cols + 15) / 16;
  const auto* tile = reinterpret_cast<const BrickF32*>(args.weights);
  for (uint32_t row = 0; row < args.rows; row += kTileRows, tile += bricks) {
    uint32_t t = 0;
    for (; t + 2 <= args.tokens; t += 2)
      for (uint32_t first = 0; first < kTileRows; first += 2)
        F32Block<2, 2>(args, tile, row, first, t);
    for (; t < args.tokens; ++t)
      for (uint32_t first = 0; first < kTileRows; first += 4)
        F32Block<4, 1>(args, tile, row, first, t);
  }
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightF32] = MultiplyF32;
  table.multiply[kWeightF16] = generic::TileDriver<Halves<F16>>::Multiply;
  table.multiply[kWeightBf16] = generic::TileDriver<Halves<Bf16>>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kNeonFloats = Table();

}  // namespace ingle
