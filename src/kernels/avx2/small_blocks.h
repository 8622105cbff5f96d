#pragma once
// Products of Q8_0, Q4_*, Q5_* and codebook weights with AVX2: a lane is a row. vpmaddubsw adds
// two products in 16 bits; codes below 32 leave room to add some more of them before widening.
// 8-bit codes and values of codebooks do not: they go in as |w| against a with w's sign (128 * 127
// * 2 fits). Compiled for AVX-VNNI, vpdpbusd adds four products in 32 bits, and no code is signed.

#include <immintrin.h>

#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

namespace {

#ifdef __AVXVNNI__
inline constexpr bool kVnni = true;
inline __m256i AddDot(__m256i sum, __m256i w, __m256i a) {
  return _mm256_dpbusd_avx_epi32(sum, w, a);
}
#else
inline constexpr bool kVnni = false;
inline __m256i AddDot(__m256i sum, __m256i, __m256i) { return sum; }  // Not called.
#endif

// A brick with unpacked codes, and scales in floats. [2]: rows 0-7, rows 8-15.
struct alignas(64) SmallPanel {
  uint8_t codes[64][2][32];      // [quad]; signed: |w|
  int8_t signs[64][2][32];       // signed only: w
  float d[8][2][8], m[8][2][8];  // [group]
  uint32_t groups;
};

inline __m256i Load(const void* at) { return _mm256_load_si256(static_cast<const __m256i*>(at)); }
inline void Store(void* at, __m256i x) { _mm256_store_si256(static_cast<__m256i*>(at), x); }

// Four activations in every lane.
inline __m256i Broadcast(const int8_t* at) {
  int32_t bits;
  __builtin_memcpy(&bits, at, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

inline __m256 Half(const uint8_t* half) {
  return _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(half)));
}

inline const ActivationQ8x32& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x32*>(activations + token * stride);
}

// Fifth bits: bit q of a byte to bit 4.
inline __m256i FifthBit(__m256i high, uint32_t q) {
  const __m256i moved = q < 4 ? _mm256_slli_epi16(high, static_cast<int>(4 - q))
                              : _mm256_srli_epi16(high, static_cast<int>(q - 4));
  return _mm256_and_si256(moved, _mm256_set1_epi8(16));
}

template <SmallBlockType kType>
struct SmallBlocks {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  using Activation = ActivationQ8x32;
  using Panel = SmallPanel;
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

  // w: a code of 8 bits, 128 too large.
  static void StoreByte(__m256i code, uint32_t quad, uint32_t h, Panel& panel) {
    if constexpr (kSigned) {
      const __m256i w = _mm256_xor_si256(code, _mm256_set1_epi8(-128));
      Store(panel.signs[quad][h], w);
      Store(panel.codes[quad][h], _mm256_abs_epi8(w));
    } else {
      Store(panel.codes[quad][h], code);
    }
  }

  static void UnpackGroup(const uint8_t* codes, const uint8_t* high, uint32_t group, uint32_t h,
                          Panel& panel) {
    const __m256i low = _mm256_set1_epi8(15);
#pragma GCC unroll 4
    for (uint32_t p = 0; p < 4; ++p) {
      const uint32_t quad = group * 8 + 2 * p;
      if constexpr (kLayout.bits == 8) {
        for (uint32_t i = 0; i < 2; ++i)
          StoreByte(Load(codes + (2 * p + i) * 64 + 32 * h), quad + i, h, panel);
      } else {
        const __m256i x = Load(codes + p * 64 + 32 * h);
        __m256i even = _mm256_and_si256(x, low);
        __m256i odd = _mm256_and_si256(_mm256_srli_epi16(x, 4), low);
        if constexpr (kLayout.bits == 5) {
          const __m256i bits = Load(high + 32 * h);
          even = _mm256_or_si256(even, FifthBit(bits, 2 * p));
          odd = _mm256_or_si256(odd, FifthBit(bits, 2 * p + 1));
        }
        if constexpr (kBook != Codebook::kNone) {
          const __m128i values = _mm_load_si128(
              reinterpret_cast<const __m128i*>(kCodebookValues[static_cast<size_t>(kBook)]));
          const __m256i table =
              _mm256_broadcastsi128_si256(_mm_xor_si128(values, _mm_set1_epi8(-128)));
          StoreByte(_mm256_shuffle_epi8(table, even), quad, h, panel);
          StoreByte(_mm256_shuffle_epi8(table, odd), quad + 1, h, panel);
        } else {
          Store(panel.codes[quad][h], even);
          Store(panel.codes[quad + 1][h], odd);
        }
      }
    }
  }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const uint8_t* brick = tiles[0] + index * kBrickBytes;
    const uint32_t left = cols / kGroupK - index * 8;
    const uint32_t groups = left < 8 ? left : 8;
    panel.groups = groups;
    for (uint32_t group = 0; group < groups; ++group) {
      const uint8_t* d = brick + ScaleOffset(kLayout, groups) + group * ScaleBytes(kLayout);
      const uint8_t* m = brick + MinOffset(kLayout, groups) + group * 32;
      for (uint32_t h = 0; h < 2; ++h) {
        UnpackGroup(brick + group * CodeBytes(kLayout),
                    brick + HighOffset(kLayout, groups) + group * 64, group, h, panel);
        if constexpr (kLayout.wide_scale) {
          _mm256_store_ps(panel.d[group][h],
                          _mm256_load_ps(reinterpret_cast<const float*>(d) + 8 * h));
        } else {
          _mm256_store_ps(panel.d[group][h], Half(d + 16 * h));
        }
        if constexpr (kLayout.has_min) _mm256_store_ps(panel.m[group][h], Half(m + 16 * h));
      }
    }
  }

  // Sum of kQuadsPerSum quads' products, in 32 bits, for one token and half.
  template <uint32_t T>
  static void AddQuads(const Panel& panel, uint32_t group, uint32_t first,
                       const uint8_t* activations, size_t stride, __m256i (&total)[T][2]) {
    if constexpr (kVnni) {
#pragma GCC unroll 8
      for (uint32_t q = 0; q < 8; ++q) {
        const uint32_t quad = group * 8 + q;
        const __m256i w0 = Load(panel.codes[quad][0]), w1 = Load(panel.codes[quad][1]);
#pragma GCC unroll 4
        for (uint32_t t = 0; t < T; ++t) {
          const __m256i a = Broadcast(Block(activations, stride, t).q[group] + q * 4);
          total[t][0] = AddDot(total[t][0], w0, a);
          total[t][1] = AddDot(total[t][1], w1, a);
        }
      }
      return;
    }
    __m256i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t q = first; q < first + kQuadsPerSum; ++q) {
      const uint32_t quad = group * 8 + q;
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        const __m256i w = Load(panel.codes[quad][h]);
#pragma GCC unroll 4
        for (uint32_t t = 0; t < T; ++t) {
          __m256i a = Broadcast(Block(activations, stride, t).q[group] + q * 4);
          if constexpr (kSigned) a = _mm256_sign_epi8(a, Load(panel.signs[quad][h]));
          const __m256i product = _mm256_maddubs_epi16(w, a);
          sum[t][h] = q == first ? product : _mm256_add_epi16(sum[t][h], product);
          // Else GCC makes a tree of the sums and keeps all products of a group at once, in memory.
          asm("" : "+x"(sum[t][h]));
        }
      }
    }
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        total[t][h] = _mm256_add_epi32(total[t][h], _mm256_madd_epi16(sum[t][h], ones));
      }
    }
  }

  // What a group's sum starts from: codes are `zero` too large, signed ones are not.
  static __m256i Start(const ActivationQ8x32& a, uint32_t group) {
    if constexpr (kLayout.zero == 0 || kSigned) return _mm256_setzero_si256();
    return _mm256_set1_epi32(a.minus_8_sums[group] * static_cast<int32_t>(kLayout.zero / 8));
  }

  template <uint32_t T>
  static void AddGroup(const Panel& panel, uint32_t group, const uint8_t* activations,
                       size_t stride, float* sums) {
    __m256i total[T][2];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      total[t][0] = total[t][1] = Start(Block(activations, stride, t), group);
    }
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; q += kQuadsPerSum) {
      AddQuads<T>(panel, group, q, activations, stride, total);
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      const ActivationQ8x32& a = Block(activations, stride, t);
      const __m256 d_a = _mm256_set1_ps(a.d[group]);
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        float* to = sums + t * kTileRows + 8 * h;
        const __m256 d = _mm256_mul_ps(_mm256_load_ps(panel.d[group][h]), d_a);
        __m256 acc = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(total[t][h]), _mm256_load_ps(to));
        if constexpr (kLayout.has_min) {
          const float q_sum = static_cast<float>(a.minus_8_sums[group]) * -0.125f;
          const __m256 m = _mm256_mul_ps(_mm256_load_ps(panel.m[group][h]), d_a);
          acc = _mm256_fmadd_ps(m, _mm256_set1_ps(q_sum), acc);
        }
        _mm256_store_ps(to, acc);
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    for (uint32_t group = 0; group < panel.groups; ++group) {
      AddGroup<T>(panel, group, activations, stride, sums);
    }
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
