#pragma once
// Products of Q2_K to Q6_K weights with AVX2: a lane is a row. vpmaddubsw adds two products
// in 16 bits; codes below 64 leave room to add some more of them before they are multiplied by
// their scales and widened. Compiled for AVX-VNNI, vpdpbusd adds four products in 32 bits.

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

// A brick with unpacked codes, and scales as the multiplications want them. [2]: rows 0-7, rows
// 8-15.
struct alignas(64) SuperPanel {
  uint8_t codes[64][2][32];   // [quad]
  int16_t scales[16][2][16];  // [group of 32 k, or of 16 k][row, twice]; VNNI: in 32 bits
  int16_t pairs[8][2]
               [16];  // [pair of groups][row][group]: mins, or scales where codes have a zero.
  float d[2][8], dmin[2][8];
};

inline __m256i Load(const void* at) { return _mm256_load_si256(static_cast<const __m256i*>(at)); }
inline __m128i Load16(const void* at) { return _mm_load_si128(static_cast<const __m128i*>(at)); }
inline __m128i Load8(const void* at) { return _mm_loadl_epi64(static_cast<const __m128i*>(at)); }
inline void Store(void* at, __m256i x) { _mm256_store_si256(static_cast<__m256i*>(at), x); }

// Four activations, or any 32 bits, in every lane.
inline __m256i Broadcast(const void* at) {
  int32_t bits;
  __builtin_memcpy(&bits, at, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

inline const ActivationQ8x256& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x256*>(activations + token * stride);
}

// Bytes 8h.. of 16 scales, each twice as a 16-bit number, or as it is.
inline __m256i Twice(__m256i x) {
  if constexpr (kVnni) return x;
  return _mm256_or_si256(_mm256_and_si256(x, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(x, 16));
}
inline __m256i Scale(const uint8_t (&scales)[16], uint32_t h) {
  return Twice(_mm256_cvtepu8_epi32(Load8(scales + 8 * h)));
}
inline __m256i Scale(const int8_t (&scales)[16], uint32_t h) {
  return Twice(_mm256_cvtepi8_epi32(Load8(scales + 8 * h)));
}

// Fifth bits: bit q of a byte to bit 4. Fifth and sixth: bits 2q, 2q + 1.
inline __m256i HighBits(__m256i high, uint32_t from, int mask) {
  const __m256i moved = from < 4 ? _mm256_slli_epi16(high, static_cast<int>(4 - from))
                                 : _mm256_srli_epi16(high, static_cast<int>(from - 4));
  return _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask)));
}

// Of quad q (0..7) of a group of 32 k.
inline __m256i High(const BrickQ4_K&, uint32_t, uint32_t, uint32_t) {
  return _mm256_setzero_si256();
}
inline __m256i High(const BrickQ5_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return HighBits(Load(brick.high[group] + 32 * h), q, 0x10);
}
inline __m256i High(const BrickQ6_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return HighBits(Load(brick.high[group * 2 + q / 4] + 32 * h), q % 4 * 2, 0x30);
}

// The two quads of nibble pair p (quads 2p, 2p + 1) of a group of 32 k.
struct TwoQuads {
  __m256i even, odd;
};
template <class Brick>
inline TwoQuads Codes(const Brick& brick, uint32_t group, uint32_t p, uint32_t h) {
  const __m256i low = _mm256_set1_epi8(15), x = Load(brick.codes[group][p] + 32 * h);
  return {_mm256_or_si256(_mm256_and_si256(x, low), High(brick, group, 2 * p, h)),
          _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(x, 4), low),
                          High(brick, group, 2 * p + 1, h))};
}
// 2-bit codes: quads 2p and 2p + 1 of a group of 32 k lie in one byte.
template <class Brick>
inline TwoQuads PairCodes(const Brick& brick, uint32_t group, uint32_t p, uint32_t h) {
  const __m256i two = _mm256_set1_epi8(3), x = Load(brick.low[group * 2 + p / 2] + 32 * h);
  const int shift = static_cast<int>(p % 2 * 4);
  return {_mm256_and_si256(_mm256_srli_epi16(x, shift), two),
          _mm256_and_si256(_mm256_srli_epi16(x, shift + 2), two)};
}
inline TwoQuads Codes(const BrickQ2_K& brick, uint32_t group, uint32_t p, uint32_t h) {
  return PairCodes(brick, group, p, h);
}
// Third bits: bit q of a byte to bit 2.
inline __m256i ThirdBit(__m256i high, uint32_t q) {
  const __m256i moved = q < 2 ? _mm256_slli_epi16(high, static_cast<int>(2 - q))
                              : _mm256_srli_epi16(high, static_cast<int>(q - 2));
  return _mm256_and_si256(moved, _mm256_set1_epi8(4));
}
inline TwoQuads Codes(const BrickQ3_K& brick, uint32_t group, uint32_t p, uint32_t h) {
  const TwoQuads low = PairCodes(brick, group, p, h);
  const __m256i high = Load(brick.high[group] + 32 * h);
  return {_mm256_or_si256(low.even, ThirdBit(high, 2 * p)),
          _mm256_or_si256(low.odd, ThirdBit(high, 2 * p + 1))};
}

// What the codes are too large by, as a power of two.
inline constexpr int ZeroShift(const BrickQ6_K*) { return 5; }
inline constexpr int ZeroShift(const BrickQ3_K*) { return 2; }
[[maybe_unused]] inline constexpr int ZeroShift(const void*) {
  return 0;
}  // Unused: types with mins.

// Quads whose products add up to at most 32767 in 16 bits (15, 31 or 63 times 127 twice per quad)
// and share a scale.
inline constexpr uint32_t QuadsPerSum(const BrickQ4_K*) { return 8; }
inline constexpr uint32_t QuadsPerSum(const BrickQ6_K*) { return 2; }
inline constexpr uint32_t QuadsPerSum(const void*) { return 4; }

template <class Brick>
struct SuperBlocks {
  using Activation = ActivationQ8x256;
  using Panel = SuperPanel;
  static constexpr bool kHasMins = requires(Brick b) { b.dmin; };
  static constexpr uint32_t kScaleGroups = sizeof(Brick::scales) / kTileRows;
  static constexpr uint32_t kPanelTokens = 4, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = sizeof(Brick);
  static constexpr uint32_t kQuadsPerSum =
      kVnni ? 64 / kScaleGroups : QuadsPerSum(static_cast<const Brick*>(nullptr));
  static constexpr int kZeroShift = ZeroShift(static_cast<const Brick*>(nullptr));

  static size_t TileBytes(uint32_t cols) { return cols / kBrickK * sizeof(Brick); }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t, uint32_t index, Panel& panel) {
    const Brick& brick = reinterpret_cast<const Brick*>(tiles[0])[index];
    for (uint32_t h = 0; h < 2; ++h) {
      for (uint32_t group = 0; group < 8; ++group) {
#pragma GCC unroll 4
        for (uint32_t p = 0; p < 4; ++p) {
          const TwoQuads quads = Codes(brick, group, p, h);
          Store(panel.codes[group * 8 + 2 * p][h], quads.even);
          Store(panel.codes[group * 8 + 2 * p + 1][h], quads.odd);
        }
      }
      for (uint32_t g = 0; g < kScaleGroups; ++g)
        Store(panel.scales[g][h], Scale(brick.scales[g], h));
      _mm256_store_ps(panel.d[h], _mm256_cvtph_ps(Load16(brick.d + 8 * h)));
      if constexpr (kHasMins) {
        _mm256_store_ps(panel.dmin[h], _mm256_cvtph_ps(Load16(brick.dmin + 8 * h)));
        for (uint32_t j = 0; j < kScaleGroups / 2; ++j) {
          Store(panel.pairs[j][h], _mm256_cvtepu8_epi16(Load16(brick.mins[j][8 * h])));
        }
      } else {
        for (uint32_t j = 0; j < 8; ++j) {
          const __m128i both = _mm_unpacklo_epi8(Load8(brick.scales[2 * j] + 8 * h),
                                                 Load8(brick.scales[2 * j + 1] + 8 * h));
          Store(panel.pairs[j][h], _mm256_cvtepi8_epi16(both));
        }
      }
    }
  }

  // scaled += the sums of kQuadsPerSum quads times their scales.
  template <uint32_t T>
  static void AddQuads(const Panel& panel, uint32_t quad, const uint8_t* activations, size_t stride,
                       __m256i (&scaled)[T][2]) {
    __m256i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t q = 0; q < kQuadsPerSum; ++q) {
      const __m256i w0 = Load(panel.codes[quad + q][0]), w1 = Load(panel.codes[quad + q][1]);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        const __m256i a = Broadcast(Block(activations, stride, t).q + (quad + q) * 4);
        if constexpr (kVnni) {
          const __m256i zero = _mm256_setzero_si256();
          sum[t][0] = AddDot(q == 0 ? zero : sum[t][0], w0, a);
          sum[t][1] = AddDot(q == 0 ? zero : sum[t][1], w1, a);
          continue;
        }
        const __m256i p0 = _mm256_maddubs_epi16(w0, a), p1 = _mm256_maddubs_epi16(w1, a);
        sum[t][0] = q == 0 ? p0 : _mm256_add_epi16(sum[t][0], p0);
        sum[t][1] = q == 0 ? p1 : _mm256_add_epi16(sum[t][1], p1);
        // Else GCC makes a tree of the sums and keeps all products of a group at once, in memory.
        asm("" : "+x"(sum[t][0]), "+x"(sum[t][1]));
      }
    }
    const auto& scale = panel.scales[quad / (64 / kScaleGroups)];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        const __m256i product = kVnni ? _mm256_mullo_epi32(sum[t][h], Load(scale[h]))
                                      : _mm256_madd_epi16(sum[t][h], Load(scale[h]));
        scaled[t][h] = _mm256_add_epi32(scaled[t][h], product);
      }
    }
  }

  // Products of the panel's pairs with pairs of sums of activations: mins, or what the codes' zero
  // takes off over that zero.
  static __m256i Pairs(const Panel& panel, uint32_t h, const int16_t* sums) {
    constexpr uint32_t kPairs = kScaleGroups / 2;
    __m256i sum = _mm256_madd_epi16(Load(panel.pairs[0][h]), Broadcast(sums));
#pragma GCC unroll 8
    for (uint32_t j = 1; j < kPairs; ++j) {
      sum = _mm256_add_epi32(sum,
                             _mm256_madd_epi16(Load(panel.pairs[j][h]), Broadcast(sums + 2 * j)));
    }
    return sum;
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    __m256i scaled[T][2];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) scaled[t][0] = scaled[t][1] = _mm256_setzero_si256();
    for (uint32_t quad = 0; quad < 64; quad += kQuadsPerSum) {
      AddQuads<T>(panel, quad, activations, stride, scaled);
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      const ActivationQ8x256& a = Block(activations, stride, t);
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        __m256i total = scaled[t][h];
        if constexpr (!kHasMins) {
          total = _mm256_sub_epi32(total, _mm256_slli_epi32(Pairs(panel, h, a.sum16), kZeroShift));
        }
        __m256 v = _mm256_mul_ps(_mm256_load_ps(panel.d[h]), _mm256_cvtepi32_ps(total));
        if constexpr (kHasMins) {
          const int16_t* a_sums = kScaleGroups == 8 ? a.sum32 : a.sum16;
          const __m256 mins = _mm256_cvtepi32_ps(Pairs(panel, h, a_sums));
          v = _mm256_fnmadd_ps(_mm256_load_ps(panel.dmin[h]), mins, v);
        }
        float* to = sums + t * kTileRows + 8 * h;
        _mm256_store_ps(to, _mm256_fmadd_ps(_mm256_set1_ps(a.d), v, _mm256_load_ps(to)));
      }
    }
  }
};

constexpr MatmulKernels SuperBlocksTable() {
  MatmulKernels table = {};
  table.multiply[kWeightQ4_K] = generic::TileDriver<SuperBlocks<BrickQ4_K>>::Multiply;
  table.multiply[kWeightQ5_K] = generic::TileDriver<SuperBlocks<BrickQ5_K>>::Multiply;
  table.multiply[kWeightQ6_K] = generic::TileDriver<SuperBlocks<BrickQ6_K>>::Multiply;
  table.multiply[kWeightQ2_K] = generic::TileDriver<SuperBlocks<BrickQ2_K>>::Multiply;
  table.multiply[kWeightQ3_K] = generic::TileDriver<SuperBlocks<BrickQ3_K>>::Multiply;
  return table;
}

}  // namespace
}  // namespace ingle
