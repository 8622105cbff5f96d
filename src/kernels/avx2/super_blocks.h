#pragma once
// Products of Q2_K to Q6_K weights with AVX2: a lane is a row. vpmaddubsw adds two products
// in 16 bits; codes below 64 leave room to add some more of them before they are multiplied by
// their scales and widened. Compiled for AVX-VNNI, vpdpbusd adds four products in 32 bits.

#include <immintrin.h>

#include "kernels/avx2/codes.h"
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/generic/word_sums.h"
#include "kernels/matmul.h"

namespace ingle {

namespace {

// A brick with unpacked codes, and scales as the multiplications want them. [2]: rows 0-7, rows
// 8-15.
struct alignas(64) SuperPanel {
  uint8_t codes[64][2][32];   // [quad]
  int16_t scales[16][2][16];  // [group of 32 k, or of 16 k][row, twice]; VNNI: and zero
  int16_t pairs[8][2]
               [16];  // [pair of groups][row][group]: mins, or scales where codes have a zero.
  float d[2][8], dmin[2][8];
};

inline __m128i Load16(const void* at) { return _mm_load_si128(static_cast<const __m128i*>(at)); }
inline __m128i Load8(const void* at) { return _mm_loadl_epi64(static_cast<const __m128i*>(at)); }

inline const ActivationQ8x256& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x256*>(activations + token * stride);
}

// Bytes 8h.. of 16 scales, each twice as a 16-bit number, or as one with zeros above it.
inline __m256i Twice(__m256i x) {
  const __m256i word = _mm256_and_si256(x, _mm256_set1_epi32(0xffff));
  if constexpr (kVnni) return word;
  return _mm256_or_si256(word, _mm256_slli_epi32(x, 16));
}
inline __m256i Scale(const uint8_t (&scales)[16], uint32_t h) {
  return Twice(_mm256_cvtepu8_epi32(Load8(scales + 8 * h)));
}
inline __m256i Scale(const int8_t (&scales)[16], uint32_t h) {
  return Twice(_mm256_cvtepi8_epi32(Load8(scales + 8 * h)));
}

// Bits above a nibble, of quad q (0..7) of a group of 32 k.
inline __m256i High(const BrickQ4_K&, uint32_t, uint32_t, uint32_t) {
  return _mm256_setzero_si256();
}
inline __m256i High(const BrickQ5_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return MoveBits(Load(brick.high[group] + 32 * h), q, 4, 0x10);
}
inline __m256i High(const BrickQ6_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return MoveBits(Load(brick.high[group * 2 + q / 4] + 32 * h), q % 4 * 2, 4, 0x30);
}

// Codes of quad q (0..7) of a group of 32 k, rows 8h...
template <class Brick>
inline __m256i Codes(const Brick& brick, uint32_t group, uint32_t q, uint32_t h) {
  __m256i x = Load(brick.codes[group][q / 2] + 32 * h);
  if (q % 2 != 0) x = _mm256_srli_epi16(x, 4);
  return _mm256_or_si256(_mm256_and_si256(x, _mm256_set1_epi8(15)), High(brick, group, q, h));
}
// Two bits of each of four quads lie in a byte.
template <class Brick>
inline __m256i TwoBits(const Brick& brick, uint32_t group, uint32_t q, uint32_t h) {
  return MoveBits(Load(brick.low[group * 2 + q / 4] + 32 * h), q % 4 * 2, 0, 3);
}
inline __m256i Codes(const BrickQ2_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return TwoBits(brick, group, q, h);
}
inline __m256i Codes(const BrickQ3_K& brick, uint32_t group, uint32_t q, uint32_t h) {
  return _mm256_or_si256(TwoBits(brick, group, q, h),
                         MoveBits(Load(brick.high[group] + 32 * h), q, 2, 4));
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
  static constexpr uint32_t kPairs = kScaleGroups / 2;
  static constexpr bool kHighBits = requires(Brick b) { b.high; };
  static constexpr uint32_t kDirectTokens = 4, kDirectMost = DirectMost(kHighBits);
  static constexpr uint32_t kPanelTokens = 4, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = sizeof(Brick);
  static constexpr uint32_t kQuadsPerSum =
      kVnni ? 64 / kScaleGroups : QuadsPerSum(static_cast<const Brick*>(nullptr));
  static constexpr int kZeroShift = ZeroShift(static_cast<const Brick*>(nullptr));

  static size_t TileBytes(uint32_t cols) { return cols / kBrickK * sizeof(Brick); }

  // A brick as it is packed. h: rows 0-7 or 8-15.
  struct PackedBrick {
    const Brick& brick;
    const generic::Ahead* ahead;  // For Fetch only.

    [[gnu::always_inline]] void Fetch(uint32_t group) const {
      ahead->PrefetchEighth<kBrickBytes>(&brick, group);
    }

    // Of quad q (0..7) of a group of 32 k.
    __m256i Quad(uint32_t group, uint32_t q, uint32_t h) const { return Codes(brick, group, q, h); }
    __m256i Scales(uint32_t g, uint32_t h) const { return Scale(brick.scales[g], h); }
    // Of a pair of groups: mins, or scales where codes have a zero.
    __m256i Pair(uint32_t j, uint32_t h) const {
      if constexpr (kHasMins) {
        return _mm256_cvtepu8_epi16(Load16(brick.mins[j][8 * h]));
      } else {
        return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(Load8(brick.scales[2 * j] + 8 * h),
                                                      Load8(brick.scales[2 * j + 1] + 8 * h)));
      }
    }
    __m256 D(uint32_t h) const { return _mm256_cvtph_ps(Load16(brick.d + 8 * h)); }
    __m256 Dmin(uint32_t h) const { return _mm256_cvtph_ps(Load16(brick.dmin + 8 * h)); }
  };

  // The same unpacked.
  struct PanelBrick {
    const Panel& panel;

    void Fetch(uint32_t) const {}
    __m256i Quad(uint32_t group, uint32_t q, uint32_t h) const {
      return Load(panel.codes[group * 8 + q][h]);
    }
    __m256i Scales(uint32_t g, uint32_t h) const { return Load(panel.scales[g][h]); }
    __m256i Pair(uint32_t j, uint32_t h) const { return Load(panel.pairs[j][h]); }
    __m256 D(uint32_t h) const { return _mm256_load_ps(panel.d[h]); }
    __m256 Dmin(uint32_t h) const { return _mm256_load_ps(panel.dmin[h]); }
  };

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t, uint32_t index, Panel& panel) {
    const PackedBrick from = {reinterpret_cast<const Brick*>(tiles[0])[index], nullptr};
    for (uint32_t h = 0; h < 2; ++h) {
      for (uint32_t group = 0; group < 8; ++group) {
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q)
          Store(panel.codes[group * 8 + q][h], from.Quad(group, q, h));
      }
      for (uint32_t g = 0; g < kScaleGroups; ++g) Store(panel.scales[g][h], from.Scales(g, h));
      if constexpr (kHasMins || !kVnni) {
        for (uint32_t j = 0; j < kPairs; ++j) Store(panel.pairs[j][h], from.Pair(j, h));
      }
      _mm256_store_ps(panel.d[h], from.D(h));
      if constexpr (kHasMins) _mm256_store_ps(panel.dmin[h], from.Dmin(h));
    }
  }

  // What a sum of whole words starts from: codes without mins are too large.
  static __m256i Start(const ActivationQ8x256& a, uint32_t scale_group) {
    if constexpr (kHasMins) return _mm256_setzero_si256();
    return _mm256_set1_epi32(a.minus_32_sums[scale_group] >> (5 - kZeroShift));
  }

  // scaled + sum * scale; the sums are pairs of words, or whole ones of which kWords says whether
  // 16 bits hold them.
  template <bool kWords>
  static __m256i AddScaled(__m256i scaled, __m256i sum, __m256i scale) {
    if constexpr (kVnni && kWords) return AddWordPairs(scaled, sum, scale);
    if constexpr (!kVnni) return _mm256_add_epi32(scaled, _mm256_madd_epi16(sum, scale));
    if constexpr (!kHasMins) scale = _mm256_srai_epi32(_mm256_slli_epi32(scale, 16), 16);
    return _mm256_add_epi32(scaled, _mm256_mullo_epi32(sum, scale));
  }

  // scaled += the sums of kQuadsPerSum quads of a group of 32 k times their scales; `from` is a
  // PackedBrick or PanelBrick.
  template <uint32_t T, bool kWords, class From>
  [[gnu::always_inline]] static void AddQuads(const From& from, uint32_t group, uint32_t first,
                                              const uint8_t* activations, size_t stride,
                                              __m256i (&scaled)[T][2]) {
    const uint32_t g = (group * 8 + first) / (64 / kScaleGroups);
    __m256i sum[T][2];
    if constexpr (kVnni) {
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t)
        sum[t][0] = sum[t][1] = Start(Block(activations, stride, t), g);
    }
#pragma GCC unroll 8
    for (uint32_t q = first; q < first + kQuadsPerSum; ++q) {
      const __m256i w0 = from.Quad(group, q, 0), w1 = from.Quad(group, q, 1);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        const __m256i a = Broadcast(Block(activations, stride, t).q + group * kGroupK + q * 4);
        if constexpr (kVnni) {
          sum[t][0] = AddDot(sum[t][0], w0, a);
          sum[t][1] = AddDot(sum[t][1], w1, a);
          continue;
        }
        const __m256i p0 = _mm256_maddubs_epi16(w0, a), p1 = _mm256_maddubs_epi16(w1, a);
        sum[t][0] = q == first ? p0 : _mm256_add_epi16(sum[t][0], p0);
        sum[t][1] = q == first ? p1 : _mm256_add_epi16(sum[t][1], p1);
        // Else GCC makes a tree of the sums and keeps all products of a group at once, in memory.
        asm("" : "+x"(sum[t][0]), "+x"(sum[t][1]));
      }
    }
    const __m256i scales[2] = {from.Scales(g, 0), from.Scales(g, 1)};
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        scaled[t][h] = AddScaled<kWords>(scaled[t][h], sum[t][h], scales[h]);
      }
    }
  }

  // Products of a brick's pairs with pairs of sums of activations: mins, or what the codes' zero
  // takes off over that zero.
  template <class From>
  static __m256i Pairs(const From& from, uint32_t h, const int16_t* sums) {
    __m256i sum = _mm256_madd_epi16(from.Pair(0, h), Broadcast(sums));
#pragma GCC unroll 8
    for (uint32_t j = 1; j < kPairs; ++j) {
      const __m256i product = _mm256_madd_epi16(from.Pair(j, h), Broadcast(sums + 2 * j));
      sum = _mm256_add_epi32(sum, product);
    }
    return sum;
  }

  template <uint32_t T, bool kWords, class From>
  [[gnu::always_inline]] static void AddGroups(const From& from, const uint8_t* activations,
                                               size_t stride, __m256i (&scaled)[T][2]) {
    for (uint32_t group = 0; group < 8; ++group) {
      from.Fetch(group);
#pragma GCC unroll 4
      for (uint32_t q = 0; q < 8; q += kQuadsPerSum)
        AddQuads<T, kWords>(from, group, q, activations, stride, scaled);
    }
  }

  template <uint32_t T, class From>
  static void AddBrick(const From& from, const uint8_t* activations, size_t stride, float* sums) {
    __m256i scaled[T][2];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) scaled[t][0] = scaled[t][1] = _mm256_setzero_si256();
    if (kVnni && FitWords<Brick, T>(activations, stride)) {
      AddGroups<T, true>(from, activations, stride, scaled);
    } else {
      AddGroups<T, false>(from, activations, stride, scaled);
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      const ActivationQ8x256& a = Block(activations, stride, t);
#pragma GCC unroll 2
      for (uint32_t h = 0; h < 2; ++h) {
        __m256i total = scaled[t][h];
        if constexpr (!kHasMins && !kVnni) {
          total = _mm256_sub_epi32(total, _mm256_slli_epi32(Pairs(from, h, a.sum16), kZeroShift));
        }
        __m256 v = _mm256_mul_ps(from.D(h), _mm256_cvtepi32_ps(total));
        if constexpr (kHasMins) {
          const int16_t* a_sums = kScaleGroups == 8 ? a.sum32 : a.sum16;
          const __m256 mins = _mm256_cvtepi32_ps(Pairs(from, h, a_sums));
          v = _mm256_fnmadd_ps(from.Dmin(h), mins, v);
        }
        float* to = sums + t * kTileRows + 8 * h;
        _mm256_store_ps(to, _mm256_fmadd_ps(_mm256_set1_ps(a.d), v, _mm256_load_ps(to)));
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    AddBrick<T>(PanelBrick{panel}, activations, stride, sums);
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    alignas(32) float sums[T * kTileRows] = {};
    const auto* brick = reinterpret_cast<const Brick*>(tile);
    const auto* const end = brick + cols / kBrickK;
    for (; brick != end; ++brick, activations += sizeof(ActivationQ8x256))
      AddBrick<T>(PackedBrick{*brick, &ahead}, activations, stride, sums);
    generic::DeliverTokens<T>(sums, out, out_stride, rows);
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
