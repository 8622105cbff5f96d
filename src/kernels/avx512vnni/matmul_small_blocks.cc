// Products of Q8_0, Q4_*, Q5_* and codebook weights with VNNI: a lane is a row, an instruction
// takes one quad of 16 rows against one token's four activations.
#include <immintrin.h>

#include "kernels/avx512vnni/unpack.h"
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx512VnniSmallBlocks;

namespace {

// Panel of two tiles: unpacked codes and scales in floats.
struct alignas(64) SmallPanel {
  uint8_t codes[64][2][64];  // [quad][tile]
  float d[8][2][16], m[8][2][16];
  uint32_t groups;
};

inline const ActivationQ8x32& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x32*>(activations + token * stride);
}

template <SmallBlockType kType>
struct SmallBlocks {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  using Activation = ActivationQ8x32;
  using Panel = SmallPanel;
  static constexpr uint32_t kDirectTokens = 8, kDirectMost = 8;
  static constexpr uint32_t kPanelTokens = 6, kPanelTiles = 2;
  static constexpr uint32_t kPairTokens = 6;
  static constexpr size_t kBrickBytes = SmallBrickBytes(kLayout, 8);

  static size_t TileBytes(uint32_t cols) { return SmallTileBytes(kLayout, cols); }

  // The product of a group's scales (or mins) and sums: the float operations of kernels/README.md.
  static __m512 AddGroup(const ActivationQ8x32& a, uint32_t group, __m512i sum, __m512 d, __m512 m,
                         __m512 acc) {
    const __m512 d_a = _mm512_set1_ps(a.d[group]);
    acc = _mm512_fmadd_ps(_mm512_mul_ps(d, d_a), _mm512_cvtepi32_ps(sum), acc);
    if constexpr (kLayout.has_min) {
      const float q_sum = static_cast<float>(a.minus_8_sums[group]) * -0.125f;
      acc = _mm512_fmadd_ps(_mm512_mul_ps(m, d_a), _mm512_set1_ps(q_sum), acc);
    }
    return acc;
  }

  // What a group's sum starts from: the codes are `zero` too large.
  static __m512i Start(const ActivationQ8x32& a, uint32_t group) {
    if constexpr (kLayout.zero == 0) return _mm512_setzero_si512();
    return _mm512_set1_epi32(a.minus_8_sums[group] * static_cast<int32_t>(kLayout.zero / 8));
  }

  template <uint32_t T>
  static void DirectGroup(const Quads& quads, uint32_t group, const uint8_t* activations,
                          size_t stride, __m512 d, __m512 m, __m512 (&acc)[T]) {
    __m512i sum[T];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) sum[t] = Start(Block(activations, stride, t), group);
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; ++q) {
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        const int8_t* a = Block(activations, stride, t).q[group] + q * 4;
        sum[t] = _mm512_dpbusd_epi32(sum[t], quads.q[q], Broadcast(a));
      }
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      acc[t] = AddGroup(Block(activations, stride, t), group, sum[t], d, m, acc[t]);
    }
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    __m512 acc[T];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) acc[t] = _mm512_setzero_ps();
    for (uint32_t left = cols / kGroupK; left > 0; activations += sizeof(ActivationQ8x32)) {
      const uint32_t groups = left < 8 ? left : 8;
      const uint8_t* d = tile + ScaleOffset(kLayout, groups);
      const uint8_t* m = tile + MinOffset(kLayout, groups);
      for (uint32_t group = 0; group < groups; ++group) {
        const uint8_t* codes = tile + group * CodeBytes(kLayout);
        const uint8_t* high = tile + HighOffset(kLayout, groups) + group * 64;
        ahead.PrefetchEighth<kBrickBytes>(tile, group);
        const Quads quads = GroupOf<kType>(codes, high);
        __m512 group_m = _mm512_setzero_ps();
        if constexpr (kLayout.has_min) group_m = Half(m + group * 32);
        DirectGroup<T>(quads, group, activations, stride, ScalesOf<kType>(d, group), group_m, acc);
      }
      tile += SmallBrickBytes(kLayout, groups);
      left -= groups;
    }
    const auto mask = static_cast<__mmask16>((1u << rows) - 1);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) _mm512_mask_storeu_ps(out + t * out_stride, mask, acc[t]);
  }

  // A group of two tiles.
  template <uint32_t T>
  static void PairGroup(const uint8_t* const (&bricks)[2], uint32_t groups, uint32_t group,
                        const uint8_t* activations, size_t stride, __m512 (&acc)[T][2]) {
    __m512i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t)
      sum[t][0] = sum[t][1] = Start(Block(activations, stride, t), group);
    const uint32_t codes = group * CodeBytes(kLayout);
    const uint32_t high = HighOffset(kLayout, groups) + group * 64;
#pragma GCC unroll 4
    for (uint32_t p = 0; p < 4; ++p) {
      const TwoQuads w[2] = {QuadPairOf<kType>(bricks[0] + codes, bricks[0] + high, p),
                             QuadPairOf<kType>(bricks[1] + codes, bricks[1] + high, p)};
#pragma GCC unroll 2
      for (uint32_t odd = 0; odd < 2; ++odd) {
#pragma GCC unroll 8
        for (uint32_t t = 0; t < T; ++t) {
          const __m512i a = Broadcast(Block(activations, stride, t).q[group] + p * 8 + odd * 4);
          sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], w[0].q[odd], a);
          sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], w[1].q[odd], a);
        }
      }
      KeepOrder();
    }
#pragma GCC unroll 2
    for (uint32_t i = 0; i < 2; ++i) {
      const __m512 d = ScalesOf<kType>(bricks[i] + ScaleOffset(kLayout, groups), group);
      __m512 m = _mm512_setzero_ps();
      if constexpr (kLayout.has_min) m = Half(bricks[i] + MinOffset(kLayout, groups) + group * 32);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t)
        acc[t][i] = AddGroup(Block(activations, stride, t), group, sum[t][i], d, m, acc[t][i]);
    }
  }

  template <uint32_t T>
  static void AddPair(const uint8_t* first, const uint8_t* second, uint32_t cols, uint32_t index,
                      const uint8_t* activations, size_t stride, float* sums,
                      const generic::PairAhead& ahead) {
    const uint32_t left = cols / kGroupK - index * 8;
    const uint32_t groups = left < 8 ? left : 8;
    const uint8_t* const bricks[2] = {first + index * kBrickBytes, second + index * kBrickBytes};
    __m512 acc[T][2];
#pragma GCC unroll 12
    for (uint32_t i = 0; i < 2 * T; ++i) acc[i / 2][i % 2] = _mm512_load_ps(sums + i * kTileRows);
    for (uint32_t group = 0; group < groups; ++group) {
      ahead.Prefetch(group);
      PairGroup<T>(bricks, groups, group, activations, stride, acc);
    }
#pragma GCC unroll 12
    for (uint32_t i = 0; i < 2 * T; ++i) _mm512_store_ps(sums + i * kTileRows, acc[i / 2][i % 2]);
  }

  static void Unpack(const uint8_t* const (&tiles)[2], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const uint32_t left = cols / kGroupK - index * 8;
    const uint32_t groups = left < 8 ? left : 8;
    panel.groups = groups;
    for (uint32_t i = 0; i < 2; ++i) {
      const uint8_t* brick = tiles[i] + index * kBrickBytes;
      for (uint32_t group = 0; group < groups; ++group) {
        const Quads quads = GroupOf<kType>(brick + group * CodeBytes(kLayout),
                                           brick + HighOffset(kLayout, groups) + group * 64);
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q) {
          _mm512_store_si512(panel.codes[group * 8 + q][i], quads.q[q]);
        }
        _mm512_store_ps(panel.d[group][i],
                        ScalesOf<kType>(brick + ScaleOffset(kLayout, groups), group));
        if constexpr (kLayout.has_min) {
          _mm512_store_ps(panel.m[group][i], Half(brick + MinOffset(kLayout, groups) + group * 32));
        }
      }
    }
  }

  template <uint32_t T>
  static void PanelGroup(const Panel& panel, uint32_t group, const uint8_t* activations,
                         size_t stride, __m512 (&acc)[T][2]) {
    __m512i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      sum[t][0] = sum[t][1] = Start(Block(activations, stride, t), group);
    }
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; ++q) {
      const __m512i w0 = Load(panel.codes[group * 8 + q][0]);
      const __m512i w1 = Load(panel.codes[group * 8 + q][1]);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        const __m512i a = Broadcast(Block(activations, stride, t).q[group] + q * 4);
        sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], w0, a);
        sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], w1, a);
      }
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t i = 0; i < 2; ++i) {
        __m512 m = _mm512_setzero_ps();
        if constexpr (kLayout.has_min) m = _mm512_load_ps(panel.m[group][i]);
        acc[t][i] = AddGroup(Block(activations, stride, t), group, sum[t][i],
                             _mm512_load_ps(panel.d[group][i]), m, acc[t][i]);
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    __m512 acc[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      acc[t][0] = _mm512_load_ps(sums + t * 2 * kTileRows);
      acc[t][1] = _mm512_load_ps(sums + (t * 2 + 1) * kTileRows);
    }
    for (uint32_t group = 0; group < panel.groups; ++group) {
      PanelGroup<T>(panel, group, activations, stride, acc);
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      _mm512_store_ps(sums + t * 2 * kTileRows, acc[t][0]);
      _mm512_store_ps(sums + (t * 2 + 1) * kTileRows, acc[t][1]);
    }
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

constinit const MatmulKernels kAvx512VnniSmallBlocks = Table();

}  // namespace ingle
