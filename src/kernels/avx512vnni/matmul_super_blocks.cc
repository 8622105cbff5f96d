// Products of Q2_K to Q6_K weights with VNNI: a lane is a row, an instruction takes one quad
// of 16 rows against one token's four activations.
#include <immintrin.h>

#include "kernels/avx512vnni/unpack.h"
#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/generic/word_sums.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx512VnniSuperBlocks;

namespace {

// Panel of two tiles: unpacked codes and scales as the multiplications want them.
template <uint32_t kScaleGroups, uint32_t kMinPairs>
struct alignas(64) SuperPanel {
  uint8_t codes[64][2][64];             // [quad][tile]
  int32_t scales[kScaleGroups][2][16];  // WordScale
  int16_t mins[kMinPairs][2][32];       // [pair of groups][tile][row][group of the pair]
  float d[2][16], dmin[2][16];
};

// How far -32 times a sum is shifted to be what the codes' zero takes off.
inline constexpr int ZeroShift(const BrickQ3_K*) { return 3; }              // 4
[[maybe_unused]] inline constexpr int ZeroShift(const void*) { return 0; }  // 32

// A scale as a word, with zero in the upper half.
inline __m512i WordScale(const uint8_t (&scales)[16]) { return Scale(scales); }
inline __m512i WordScale(const int8_t (&scales)[16]) {
  return _mm512_and_si512(Scale(scales), _mm512_set1_epi32(0xffff));
}

// scaled + sum * scale. kWords: sum fits into 16 bits. kSigned: the scale may be negative.
template <bool kWords, bool kSigned>
inline __m512i AddScaled(__m512i scaled, __m512i sum, __m512i scale) {
  if constexpr (kWords) {
    // GCC 12 copies the sums of the intrinsic, before and behind each product.
    asm("vpdpwssd %2, %1, %0" : "+v"(scaled) : "v"(sum), "v"(scale));
    return scaled;
  }
  if constexpr (kSigned) scale = _mm512_srai_epi32(_mm512_slli_epi32(scale, 16), 16);
  return _mm512_add_epi32(scaled, _mm512_mullo_epi32(sum, scale));
}

inline const ActivationQ8x256& Block(const uint8_t* activations, size_t stride, uint32_t token) {
  return *reinterpret_cast<const ActivationQ8x256*>(activations + token * stride);
}

// A brick's part in floats.
template <bool kHasMins, uint32_t kMinPairs>
struct Floats {
  __m512 d, dmin;
  __m512i mins[kMinPairs];

  template <class Brick>
  explicit Floats(const Brick& brick) : d(Half(brick.d)) {
    if constexpr (kHasMins) {
      dmin = Half(brick.dmin);
#pragma GCC unroll 8
      for (uint32_t j = 0; j < kMinPairs; ++j)
        mins[j] = _mm512_cvtepu8_epi16(Load32(brick.mins[j]));
    }
  }

  // acc + a.d * (d * scaled - dmin * (mins . sums of a's groups))
  __m512 Add(const ActivationQ8x256& a, [[maybe_unused]] const int16_t* min_sums, __m512i scaled,
             __m512 acc) const {
    __m512 v = _mm512_mul_ps(d, _mm512_cvtepi32_ps(scaled));
    if constexpr (kHasMins) {
      __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
      for (uint32_t j = 0; j < kMinPairs; ++j)
        sum = _mm512_dpwssd_epi32(sum, mins[j], Broadcast(min_sums + 2 * j));
      v = _mm512_fnmadd_ps(dmin, _mm512_cvtepi32_ps(sum), v);
    }
    return _mm512_fmadd_ps(_mm512_set1_ps(a.d), v, acc);
  }
};

template <class Brick>
struct SuperBlocks {
  using Activation = ActivationQ8x256;
  static constexpr bool kHasMins = requires(Brick b) { b.dmin; };
  static constexpr uint32_t kScaleGroups = sizeof(Brick::scales) / kTileRows;
  static constexpr uint32_t kMinPairs = kHasMins ? kScaleGroups / 2 : 1;
  static constexpr int kZeroShift = ZeroShift(static_cast<const Brick*>(nullptr));
  static constexpr uint32_t kQuadsPerScale = 64 / kScaleGroups;
  static constexpr uint32_t kDirectTokens = 8, kDirectMost = 8;
  static constexpr uint32_t kPanelTokens = 6, kPanelTiles = 2;
  static constexpr uint32_t kPairTokens = 6;
  static constexpr size_t kBrickBytes = sizeof(Brick);
  using Panel = SuperPanel<kScaleGroups, kMinPairs>;

  static size_t TileBytes(uint32_t cols) { return cols / kBrickK * sizeof(Brick); }

  // What a scale group's sum starts from: codes without mins are too large.
  static __m512i Start(const ActivationQ8x256& a, uint32_t scale_group) {
    if constexpr (kHasMins) return _mm512_setzero_si512();
    return _mm512_set1_epi32(a.minus_32_sums[scale_group] >> kZeroShift);
  }

  // Sums of activations over the groups that share a min.
  static const int16_t* MinSums(const ActivationQ8x256& a) {
    return kScaleGroups == 8 ? a.sum32 : a.sum16;
  }

  template <uint32_t T, bool kWords>
  static void DirectGroup(const Brick& brick, uint32_t group, const uint8_t* activations,
                          size_t stride, __m512i (&scaled)[T]) {
    const Quads quads = Group(brick, group);
#pragma GCC unroll 2
    for (uint32_t half = 0; half < 8 / kQuadsPerScale; ++half) {
      const uint32_t scale_group = group * 8 / kQuadsPerScale + half;
      __m512i sum[T];
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) sum[t] = Start(Block(activations, stride, t), scale_group);
#pragma GCC unroll 8
      for (uint32_t q = half * kQuadsPerScale; q < (half + 1) * kQuadsPerScale; ++q) {
#pragma GCC unroll 8
        for (uint32_t t = 0; t < T; ++t) {
          const int8_t* a = Block(activations, stride, t).q + group * kGroupK + q * 4;
          sum[t] = _mm512_dpbusd_epi32(sum[t], quads.q[q], Broadcast(a));
        }
      }
      const __m512i scale = WordScale(brick.scales[scale_group]);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        scaled[t] = AddScaled<kWords, !kHasMins>(scaled[t], sum[t], scale);
      }
    }
  }

  template <uint32_t T, bool kWords>
  [[gnu::always_inline]] static void DirectGroups(const Brick& brick, const uint8_t* activations,
                                                  size_t stride, __m512i (&scaled)[T],
                                                  const generic::Ahead& ahead) {
    for (uint32_t group = 0; group < 8; ++group) {
      ahead.PrefetchEighth<kBrickBytes>(&brick, group);
      DirectGroup<T, kWords>(brick, group, activations, stride, scaled);
    }
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    __m512 acc[T];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) acc[t] = _mm512_setzero_ps();
    const auto* brick = reinterpret_cast<const Brick*>(tile);
    const auto* const end = brick + cols / kBrickK;
    for (; brick != end; ++brick, activations += sizeof(ActivationQ8x256)) {
      __m512i scaled[T];
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) scaled[t] = _mm512_setzero_si512();
      if (FitWords<Brick, T>(activations, stride)) {
        DirectGroups<T, true>(*brick, activations, stride, scaled, ahead);
      } else {
        DirectGroups<T, false>(*brick, activations, stride, scaled, ahead);
      }
      const Floats<kHasMins, kMinPairs> f(*brick);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        const ActivationQ8x256& a = Block(activations, stride, t);
        acc[t] = f.Add(a, MinSums(a), scaled[t], acc[t]);
      }
    }
    const auto mask = static_cast<__mmask16>((1u << rows) - 1);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) _mm512_mask_storeu_ps(out + t * out_stride, mask, acc[t]);
  }

  template <uint32_t T, bool kWords>
  static void PairGroup(const Brick* const (&bricks)[2], uint32_t group, const uint8_t* activations,
                        size_t stride, __m512i (&scaled)[T][2]) {
#pragma GCC unroll 2
    for (uint32_t half = 0; half < 8 / kQuadsPerScale; ++half) {
      const uint32_t scale_group = group * 8 / kQuadsPerScale + half;
      __m512i sum[T][2];
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t)
        sum[t][0] = sum[t][1] = Start(Block(activations, stride, t), scale_group);
#pragma GCC unroll 4
      for (uint32_t p = half * kQuadsPerScale / 2; p < (half + 1) * kQuadsPerScale / 2; ++p) {
        const TwoQuads w[2] = {QuadPair(*bricks[0], group, p), QuadPair(*bricks[1], group, p)};
#pragma GCC unroll 2
        for (uint32_t odd = 0; odd < 2; ++odd) {
#pragma GCC unroll 8
          for (uint32_t t = 0; t < T; ++t) {
            const int8_t* q = Block(activations, stride, t).q + group * kGroupK + p * 8 + odd * 4;
            const __m512i a = Broadcast(q);
            sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], w[0].q[odd], a);
            sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], w[1].q[odd], a);
          }
        }
        KeepOrder();
      }
#pragma GCC unroll 2
      for (uint32_t i = 0; i < 2; ++i) {
        const __m512i scale = WordScale(bricks[i]->scales[scale_group]);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < T; ++t)
          scaled[t][i] = AddScaled<kWords, !kHasMins>(scaled[t][i], sum[t][i], scale);
      }
    }
  }

  template <uint32_t T, bool kWords>
  [[gnu::always_inline]] static void PairGroups(const Brick* const (&bricks)[2],
                                                const uint8_t* activations, size_t stride,
                                                __m512i (&scaled)[T][2],
                                                const generic::PairAhead& ahead) {
    for (uint32_t group = 0; group < 8; ++group) {
      ahead.Prefetch(group);
      PairGroup<T, kWords>(bricks, group, activations, stride, scaled);
    }
  }

  template <uint32_t T>
  static void AddPair(const uint8_t* first, const uint8_t* second, uint32_t, uint32_t index,
                      const uint8_t* activations, size_t stride, float* sums,
                      const generic::PairAhead& ahead) {
    const Brick* const bricks[2] = {reinterpret_cast<const Brick*>(first) + index,
                                    reinterpret_cast<const Brick*>(second) + index};
    __m512i scaled[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) scaled[t][0] = scaled[t][1] = _mm512_setzero_si512();
    if (FitWords<Brick, T>(activations, stride)) {
      PairGroups<T, true>(bricks, activations, stride, scaled, ahead);
    } else {
      PairGroups<T, false>(bricks, activations, stride, scaled, ahead);
    }
#pragma GCC unroll 2
    for (uint32_t i = 0; i < 2; ++i) {
      const Floats<kHasMins, kMinPairs> f(*bricks[i]);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        float* to = sums + (t * 2 + i) * kTileRows;
        const ActivationQ8x256& a = Block(activations, stride, t);
        _mm512_store_ps(to, f.Add(a, MinSums(a), scaled[t][i], _mm512_load_ps(to)));
      }
    }
  }

  static void Unpack(const uint8_t* const (&tiles)[2], uint32_t, uint32_t index, Panel& panel) {
    for (uint32_t i = 0; i < 2; ++i) {
      const Brick& brick = reinterpret_cast<const Brick*>(tiles[i])[index];
      for (uint32_t group = 0; group < 8; ++group) {
        const Quads quads = Group(brick, group);
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q) {
          _mm512_store_si512(panel.codes[group * 8 + q][i], quads.q[q]);
        }
      }
      for (uint32_t g = 0; g < kScaleGroups; ++g) {
        _mm512_store_si512(panel.scales[g][i], WordScale(brick.scales[g]));
      }
      _mm512_store_ps(panel.d[i], Half(brick.d));
      if constexpr (kHasMins) {
        _mm512_store_ps(panel.dmin[i], Half(brick.dmin));
        for (uint32_t j = 0; j < kMinPairs; ++j) {
          _mm512_store_si512(panel.mins[j][i], _mm512_cvtepu8_epi16(Load32(brick.mins[j])));
        }
      }
    }
  }

  template <uint32_t T, bool kWords>
  static void PanelGroup(const Panel& panel, uint32_t group, const uint8_t* activations,
                         size_t stride, __m512i (&scaled)[T][2]) {
    __m512i sum[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      sum[t][0] = sum[t][1] = Start(Block(activations, stride, t), group);
    }
#pragma GCC unroll 8
    for (uint32_t q = 0; q < kQuadsPerScale; ++q) {
      const uint32_t quad = group * kQuadsPerScale + q;
      const __m512i w0 = Load(panel.codes[quad][0]), w1 = Load(panel.codes[quad][1]);
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        const __m512i a = Broadcast(Block(activations, stride, t).q + quad * 4);
        sum[t][0] = _mm512_dpbusd_epi32(sum[t][0], w0, a);
        sum[t][1] = _mm512_dpbusd_epi32(sum[t][1], w1, a);
      }
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
      for (uint32_t i = 0; i < 2; ++i) {
        scaled[t][i] =
            AddScaled<kWords, !kHasMins>(scaled[t][i], sum[t][i], Load(panel.scales[group][i]));
      }
    }
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    __m512i scaled[T][2];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) scaled[t][0] = scaled[t][1] = _mm512_setzero_si512();
    if (FitWords<Brick, T>(activations, stride)) {
      for (uint32_t group = 0; group < kScaleGroups; ++group)
        PanelGroup<T, true>(panel, group, activations, stride, scaled);
    } else {
      for (uint32_t group = 0; group < kScaleGroups; ++group)
        PanelGroup<T, false>(panel, group, activations, stride, scaled);
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      const ActivationQ8x256& a = Block(activations, stride, t);
      const __m512 d_a = _mm512_set1_ps(a.d);
#pragma GCC unroll 2
      for (uint32_t i = 0; i < 2; ++i) {
        __m512 v = _mm512_mul_ps(_mm512_load_ps(panel.d[i]), _mm512_cvtepi32_ps(scaled[t][i]));
        if constexpr (kHasMins) {
          __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
          for (uint32_t j = 0; j < kMinPairs; ++j) {
            sum = _mm512_dpwssd_epi32(sum, Load(panel.mins[j][i]), Broadcast(MinSums(a) + 2 * j));
          }
          v = _mm512_fnmadd_ps(_mm512_load_ps(panel.dmin[i]), _mm512_cvtepi32_ps(sum), v);
        }
        float* to = sums + (t * 2 + i) * kTileRows;
        _mm512_store_ps(to, _mm512_fmadd_ps(d_a, v, _mm512_load_ps(to)));
      }
    }
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

constinit const MatmulKernels kAvx512VnniSuperBlocks = Table();

}  // namespace ingle
