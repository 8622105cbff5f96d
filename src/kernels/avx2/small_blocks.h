#pragma once
// Products of Q8_0, Q4_*, Q5_* and codebook weights with AVX2: a lane is a row. vpmaddubsw adds
// two products in 16 bits; codes below 32 leave room to add some more of them before widening.
// 8-bit codes and values of codebooks do not: they go in as |w| against a with w's sign (128 * 127
// * 2 fits). Compiled for AVX-VNNI, vpdpbusd adds four products in 32 bits, and no code is signed.

#include <immintrin.h>

#include "kernels/avx2/codes.h"
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

namespace {

// A brick with unpacked codes, and scales in floats. [2]: rows 0-7, rows 8-15.
struct alignas(64) SmallPanel {
  uint8_t codes[64][2][32];      // [quad]; signed: |w|
  int8_t signs[64][2][32];       // signed only: w
  float d[8][2][8], m[8][2][8];  // [group]
  uint32_t groups;
};

inline __m256 Half(const uint8_t* half) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(half)));
}

inline const ActivationQ8x32& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x32*>(activations + token * stride);
}

// Eight rows' quad as the products want it; signed: |w|, and w.
struct QuadCodes {
  __m256i codes, signs;
};

template <SmallBlockType kType>
struct SmallBlocks {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  using Activation = ActivationQ8x32;
  using Panel = SmallPanel;
  static constexpr uint32_t kDirectTokens = 4, kDirectMost = DirectMost(kLayout.bits == 5);
  static constexpr uint32_t kPanelTokens = 4, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = SmallBrickBytes(kLayout, 8);
  static constexpr Codebook kBook = kLayout.codebook;
  static constexpr bool kSigned = !kVnni && (kLayout.bits == 8 || kBook != Codebook::kNone);
  // Quads whose products add up to at most 32767 in 16 bits.
  static constexpr uint32_t kQuadsPerSum = kVnni                                          ? 8
                                           : kLayout.bits == 8 || kBook == Codebook::kIq4 ? 1
                                           : kLayout.bits == 5                            ? 4
                                                                                          : 8;

  static size_t TileBytes(uint32_t cols) { return SmallTileBytes(kLayout, cols); }

  // A group of a brick as it is packed. h: rows 0-7 or 8-15.
  struct BrickGroup {
    const uint8_t *codes, *high, *d, *m;

    BrickGroup(const uint8_t* brick, uint32_t groups, uint32_t group)
        : codes(brick + group * CodeBytes(kLayout)),
          high(brick + HighOffset(kLayout, groups) + group * 64),
          d(brick + ScaleOffset(kLayout, groups) + group * ScaleBytes(kLayout)),
          m(brick + MinOffset(kLayout, groups) + group * 32) {}

    // A code of 8 bits, 128 too large.
    static QuadCodes Byte(__m256i code) {
      if constexpr (!kSigned) return {code, code};
      const __m256i w = _mm256_xor_si256(code, _mm256_set1_epi8(-128));
      return {_mm256_abs_epi8(w), w};
    }

    QuadCodes Quad(uint32_t q, uint32_t h) const {
      if constexpr (kLayout.bits == 8) return Byte(Load(codes + q * 64 + 32 * h));
      __m256i x = Load(codes + q / 2 * 64 + 32 * h);
      if (q % 2 != 0) x = _mm256_srli_epi16(x, 4);
      x = _mm256_and_si256(x, _mm256_set1_epi8(15));
      if constexpr (kLayout.bits == 5)
        x = _mm256_or_si256(x, MoveBits(Load(high + 32 * h), q, 4, 0x10));
      if constexpr (kBook == Codebook::kNone) return {x, x};
      const __m128i values = _mm_load_si128(
          reinterpret_cast<const __m128i*>(kCodebookValues[static_cast<size_t>(kBook)]));
      const __m256i table = _mm256_broadcastsi128_si256(_mm_xor_si128(values, _mm_set1_epi8(-128)));
      return Byte(_mm256_shuffle_epi8(table, x));
    }
    __m256 Scales(uint32_t h) const {
      if constexpr (kLayout.wide_scale)
        return _mm256_load_ps(reinterpret_cast<const float*>(d) + 8 * h);
      return Half(d + 16 * h);
    }
    __m256 Mins(uint32_t h) const { return Half(m + 16 * h); }
  };

  // The same unpacked.
  struct PanelGroup {
    const Panel& panel;
    uint32_t group;

    QuadCodes Quad(uint32_t q, uint32_t h) const {
      const uint32_t quad = group * 8 + q;
      const __m256i x = Load(panel.codes[quad][h]);
      if constexpr (!kSigned) return {x, x};
      return {x, Load(panel.signs[quad][h])};
    }
    __m256 Scales(uint32_t h) const { return _mm256_load_ps(panel.d[group][h]); }
    __m256 Mins(uint32_t h) const { return _mm256_load_ps(panel.m[group][h]); }
  };

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const uint8_t* brick = tiles[0] + index * kBrickBytes;
    const uint32_t left = cols / kGroupK - index * 8;
    const uint32_t groups = left < 8 ? left : 8;
    panel.groups = groups;
    for (uint32_t group = 0; group < groups; ++group) {
      const BrickGroup from(brick, groups, group);
      for (uint32_t h = 0; h < 2; ++h) {
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q) {
          const QuadCodes x = from.Quad(q, h);
          Store(panel.codes[group * 8 + q][h], x.codes);
          if constexpr (kSigned) Store(panel.signs[group * 8 + q][h], x.signs);
        }
        _mm256_store_ps(panel.d[group][h], from.Scales(h));
        if constexpr (kLayout.has_min) _mm256_store_ps(panel.m[group][h], from.Mins(h));
      }
    }
  }

  // total += the products of quads first...; `from` is a BrickGroup or PanelGroup.
  template <uint32_t T, class From>
  static void AddQuads(const From& from, uint32_t first, const int8_t* const (&a)[T],
                       __m256i (&total)[T][2]) {
    __m256i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t q = first; q < first + kQuadsPerSum; ++q) {
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        const QuadCodes w = from.Quad(q, h);
#pragma GCC unroll 4
        for (uint32_t t = 0; t < T; ++t) {
          __m256i x = Broadcast(a[t] + q * 4);
          if constexpr (kVnni) {
            total[t][h] = AddDot(total[t][h], w.codes, x);
            continue;
          }
          if constexpr (kSigned) x = _mm256_sign_epi8(x, w.signs);
          const __m256i product = _mm256_maddubs_epi16(w.codes, x);
          sum[t][h] = q == first ? product : _mm256_add_epi16(sum[t][h], product);
          // Else GCC makes a tree of the sums and keeps all products of a group at once, in memory.
          asm("" : "+x"(sum[t][h]));
        }
      }
    }
    if constexpr (kVnni) return;
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h)
        total[t][h] = _mm256_add_epi32(total[t][h], _mm256_madd_epi16(sum[t][h], ones));
    }
  }

  // What a group's sum starts from: codes are `zero` too large, signed ones are not.
  static __m256i Start(const ActivationQ8x32& a, uint32_t group) {
    if constexpr (kLayout.zero == 0 || kSigned) return _mm256_setzero_si256();
    return _mm256_set1_epi32(a.minus_8_sums[group] * static_cast<int32_t>(kLayout.zero / 8));
  }

  template <uint32_t T, class From>
  static void AddGroup(const From& from, uint32_t group, const uint8_t* activations, size_t stride,
                       float* sums) {
    __m256i total[T][2];
    const int8_t* quads[T];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      quads[t] = Block(activations, stride, t).q[group];
      total[t][0] = total[t][1] = Start(Block(activations, stride, t), group);
    }
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; q += kQuadsPerSum) AddQuads<T>(from, q, quads, total);
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      const ActivationQ8x32& a = Block(activations, stride, t);
      const __m256 d_a = _mm256_set1_ps(a.d[group]);
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        float* to = sums + t * kTileRows + 8 * h;
        const __m256 d = _mm256_mul_ps(from.Scales(h), d_a);
        __m256 acc = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(total[t][h]), _mm256_load_ps(to));
        if constexpr (kLayout.has_min) {
          const float q_sum = static_cast<float>(a.minus_8_sums[group]) * -0.125f;
          const __m256 m = _mm256_mul_ps(from.Mins(h), d_a);
          acc = _mm256_fmadd_ps(m, _mm256_set1_ps(q_sum), acc);
        }
        _mm256_store_ps(to, acc);
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    for (uint32_t group = 0; group < panel.groups; ++group)
      AddGroup<T>(PanelGroup{panel, group}, group, activations, stride, sums);
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    alignas(32) float sums[T * kTileRows] = {};
    for (uint32_t left = cols / kGroupK; left > 0; activations += sizeof(ActivationQ8x32)) {
      const uint32_t groups = left < 8 ? left : 8;
      for (uint32_t group = 0; group < groups; ++group) {
        const BrickGroup from(tile, groups, group);
        ahead.PrefetchEighth<kBrickBytes>(tile, group);
        AddGroup<T>(from, group, activations, stride, sums);
      }
      tile += SmallBrickBytes(kLayout, groups);
      left -= groups;
    }
    generic::DeliverTokens<T>(sums, out, out_stride, rows);
  }
};

template <SmallBlockType kType>
using Driver = generic::TileDriver<SmallBlocks<kType>>;

constexpr MatmulKernels SmallBlocksTable() {
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
}  // namespace ingle
