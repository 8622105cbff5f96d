// Products of F32, F16 and BF16 weights with AVX-512: for F16 and BF16 a lane is a row, for F32 it
// is k modulo 16.
#include <immintrin.h>

#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx512VnniFloats;

namespace {

inline __m512 CutToBf16(__m512 x) {
  const __m512i mask = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), mask));
}

// The weights of an even and the following odd k of 16 rows.
struct Pair {
  __m512 even, odd;
};

inline __m512i Load(const void* at) { return _mm512_load_si512(at); }
inline __m512 Floats(__m512i bits) { return _mm512_castsi512_ps(bits); }

inline Pair OfBf16(const uint16_t (&pair)[16][2]) {
  const __m512i x = Load(pair);
  return {Floats(_mm512_slli_epi32(x, 16)), CutToBf16(Floats(x))};
}

// 32 k of a tile of bf16 weights as they are packed,
struct PackedWeights {
  const BrickHalf& brick;
  Pair At(uint32_t p) const { return OfBf16(brick.w[p]); }
};
// and as floats.
struct alignas(64) FloatWeights {
  float even[16][16], odd[16][16];  // [pair of k][row]
  Pair At(uint32_t p) const { return {_mm512_load_ps(even[p]), _mm512_load_ps(odd[p])}; }
  void Put(uint32_t p, const Pair& pair) {
    _mm512_store_ps(even[p], pair.even);
    _mm512_store_ps(odd[p], pair.odd);
  }
};

// acc += (chain over even k + chain over odd k) for 32 k of N tiles of weights and T tokens'
// activations (32 floats, `stride` bytes apart).
template <uint32_t T, uint32_t N, class Weights>
inline void AddChains(const Weights (&w)[N], const uint8_t* activations, size_t stride,
                      __m512 (&acc)[T][N]) {
  __m512 even[T][N], odd[T][N];
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t i = 0; i < N; ++i) even[t][i] = odd[t][i] = _mm512_setzero_ps();
  }
#pragma GCC unroll 16
  for (uint32_t p = 0; p < 16; ++p) {
    Pair pairs[N];
#pragma GCC unroll 2
    for (uint32_t i = 0; i < N; ++i) pairs[i] = w[i].At(p);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      const auto* a = reinterpret_cast<const float*>(activations + t * stride);
      const __m512 a_even = _mm512_set1_ps(a[2 * p]), a_odd = _mm512_set1_ps(a[2 * p + 1]);
#pragma GCC unroll 2
      for (uint32_t i = 0; i < N; ++i) {
        even[t][i] = _mm512_fmadd_ps(pairs[i].even, a_even, even[t][i]);
        odd[t][i] = _mm512_fmadd_ps(pairs[i].odd, a_odd, odd[t][i]);
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t i = 0; i < N; ++i)
      acc[t][i] = _mm512_add_ps(acc[t][i], _mm512_add_ps(even[t][i], odd[t][i]));
  }
}

struct Bf16 {
  using Activation = ActivationBf16;
  static constexpr uint32_t kPanelGroups = 4;
  static constexpr uint32_t kDirectTokens = 8, kDirectMost = 32;

  template <uint32_t T>
  static void AddDirect(const BrickHalf& brick, const uint8_t* activations, size_t stride,
                        __m512 (&acc)[T][1]) {
    const PackedWeights weights[1] = {{brick}};
    AddChains<T, 1>(weights, activations, stride, acc);
  }

  struct PanelGroup {
    FloatWeights tiles[2];
  };
  static void Unpack(const BrickHalf& brick, uint32_t tile, PanelGroup& group) {
    for (uint32_t p = 0; p < 16; ++p) group.tiles[tile].Put(p, OfBf16(brick.w[p]));
  }
  template <uint32_t T>
  static void AddGroup(const PanelGroup& panel, uint32_t group, const uint8_t* activations,
                       size_t stride, __m512 (&acc)[T][2]) {
    AddChains<T, 2>(panel.tiles, activations + group * sizeof(ActivationBf16), stride, acc);
  }
};

alignas(64) constexpr uint16_t kEvenThenOdd[32] = {0,  2,  4,  6,  8,  10, 12, 14, 16, 18, 20,
                                                   22, 24, 26, 28, 30, 1,  3,  5,  7,  9,  11,
                                                   13, 15, 17, 19, 21, 23, 25, 27, 29, 31};

struct F16 {
  using Activation = ActivationBf16x2;
  static constexpr uint32_t kPanelGroups = 2;
  static constexpr uint32_t kDirectTokens = 4, kDirectMost = 4;

  static Pair Weights(const uint16_t (&pair)[16][2]) {
    const __m512i x = _mm512_permutexvar_epi16(Load(kEvenThenOdd), Load(pair));
    return {_mm512_cvtph_ps(_mm512_castsi512_si256(x)),
            _mm512_cvtph_ps(_mm512_extracti64x4_epi64(x, 1))};
  }
  static Pair Cut(const Pair& w) { return {CutToBf16(w.even), CutToBf16(w.odd)}; }
  static Pair Lost(const Pair& w, const Pair& hi) {
    return {_mm512_sub_ps(w.even, hi.even), _mm512_sub_ps(w.odd, hi.odd)};
  }

  // acc += (chain over even k + chain over odd k) for each of hi * hi, hi * lo, lo * hi.
  template <uint32_t T>
  static void AddDirect(const BrickHalf& brick, const uint8_t* activations, size_t stride,
                        __m512 (&acc)[T][1]) {
    __m512 even[T][3], odd[T][3];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 3
      for (uint32_t i = 0; i < 3; ++i) even[t][i] = odd[t][i] = _mm512_setzero_ps();
    }
#pragma GCC unroll 4
    for (uint32_t p = 0; p < 16; ++p) {
      const Pair w = Weights(brick.w[p]), hi = Cut(w), lo = Lost(w, hi);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) {
        const auto& a = *reinterpret_cast<const ActivationBf16x2*>(activations + t * stride);
        const __m512 a_hi = _mm512_set1_ps(a.hi[2 * p]), a_hi_odd = _mm512_set1_ps(a.hi[2 * p + 1]);
        even[t][0] = _mm512_fmadd_ps(hi.even, a_hi, even[t][0]);
        odd[t][0] = _mm512_fmadd_ps(hi.odd, a_hi_odd, odd[t][0]);
        even[t][1] = _mm512_fmadd_ps(hi.even, _mm512_set1_ps(a.lo[2 * p]), even[t][1]);
        odd[t][1] = _mm512_fmadd_ps(hi.odd, _mm512_set1_ps(a.lo[2 * p + 1]), odd[t][1]);
        even[t][2] = _mm512_fmadd_ps(lo.even, a_hi, even[t][2]);
        odd[t][2] = _mm512_fmadd_ps(lo.odd, a_hi_odd, odd[t][2]);
      }
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 3
      for (uint32_t i = 0; i < 3; ++i)
        acc[t][0] = _mm512_add_ps(acc[t][0], _mm512_add_ps(even[t][i], odd[t][i]));
    }
  }

  struct PanelGroup {
    FloatWeights hi[2], lo[2];
    bool has_lo[2];  // False where half floats hold what was bf16.
  };
  static void Unpack(const BrickHalf& brick, uint32_t tile, PanelGroup& group) {
    __m512 any = _mm512_setzero_ps();
    for (uint32_t p = 0; p < 16; ++p) {
      const Pair w = Weights(brick.w[p]), hi = Cut(w), lo = Lost(w, hi);
      group.hi[tile].Put(p, hi);
      group.lo[tile].Put(p, lo);
      any = _mm512_or_ps(any, _mm512_or_ps(lo.even, lo.odd));
    }
    const __m512i bits = _mm512_castps_si512(any);
    group.has_lo[tile] = _mm512_test_epi32_mask(bits, bits) != 0;
  }
  template <uint32_t T>
  static void AddGroup(const PanelGroup& panel, uint32_t group, const uint8_t* activations,
                       size_t stride, __m512 (&acc)[T][2]) {
    const uint8_t* a_hi = activations + group * sizeof(ActivationBf16x2);
    const uint8_t* a_lo = a_hi + offsetof(ActivationBf16x2, lo);
    AddChains<T, 2>(panel.hi, a_hi, stride, acc);
    AddChains<T, 2>(panel.hi, a_lo, stride, acc);
    if (panel.has_lo[0] || panel.has_lo[1]) return AddChains<T, 2>(panel.lo, a_hi, stride, acc);
    // The same with weights of zero: -0 (of a flushed subnormal) becomes 0.
#pragma GCC unroll 12
    for (uint32_t i = 0; i < 2 * T; ++i)
      acc[i / 2][i % 2] = _mm512_add_ps(acc[i / 2][i % 2], _mm512_setzero_ps());
  }
};

// The family of TileDriver.
template <class Format>
struct Halves : Format {
  static constexpr uint32_t kGroups = Format::kPanelGroups, kPanelK = kGroups * kGroupK;
  static constexpr uint32_t kPanelTokens = 6, kPanelTiles = 2;
  static constexpr size_t kBrickBytes = kGroups * sizeof(BrickHalf);
  struct Activation {
    typename Format::Activation groups[kGroups];
  };

  static size_t TileBytes(uint32_t cols) { return (cols + 31) / 32 * sizeof(BrickHalf); }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    const auto* brick = reinterpret_cast<const BrickHalf*>(tile);
    const auto* const end = brick + (cols + 31) / 32;
    __m512 acc[T][1];
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) acc[t][0] = _mm512_setzero_ps();
    for (; brick != end; ++brick, activations += sizeof(typename Format::Activation)) {
      ahead.Prefetch<sizeof(BrickHalf)>(brick);
      Format::template AddDirect<T>(*brick, activations, stride, acc);
    }
    const auto mask = static_cast<__mmask16>((1u << rows) - 1);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) _mm512_mask_storeu_ps(out + t * out_stride, mask, acc[t][0]);
  }

  struct Panel {
    typename Format::PanelGroup groups[kGroups];
    uint32_t count;
  };

  static void Unpack(const uint8_t* const (&tiles)[2], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const uint32_t left = (cols + 31) / 32 - index * kGroups;
    panel.count = left < kGroups ? left : kGroups;
    for (uint32_t i = 0; i < 2; ++i) {
      const auto* bricks = reinterpret_cast<const BrickHalf*>(tiles[i]) + index * kGroups;
      for (uint32_t g = 0; g < panel.count; ++g) Format::Unpack(bricks[g], i, panel.groups[g]);
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
    for (uint32_t g = 0; g < panel.count; ++g)
      Format::template AddGroup<T>(panel.groups[g], g, activations, stride, acc);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      _mm512_store_ps(sums + t * 2 * kTileRows, acc[t][0]);
      _mm512_store_ps(sums + (t * 2 + 1) * kTileRows, acc[t][1]);
    }
  }
};

// Lanes folded onto each other: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
inline float FoldLanes(__m512 x) {
  const __m256 x8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
  const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
}

constexpr generic::Ahead kF32Ahead = {8192, 0, 64};

// R rows of a tile from `first` on, T tokens.
template <uint32_t R, uint32_t T>
void F32Block(const MultiplyArgs& args, const BrickF32* tile, uint32_t row, uint32_t first,
              uint32_t token) {
  const uint32_t bricks = (args.cols + 15) / 16;
  const uint8_t* activations = args.activations + token * args.activation_stride;
  __m512 acc[R][T];
#pragma GCC unroll 16
  for (uint32_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) acc[r][t] = _mm512_setzero_ps();
  }
  for (uint32_t b = 0; b < bricks; ++b) {
    if (first == 0) kF32Ahead.Prefetch<sizeof(BrickF32)>(tile + b);
    __m512 a[T];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      const auto* block =
          reinterpret_cast<const ActivationF32*>(activations + t * args.activation_stride);
      a[t] = _mm512_load_ps(block[b].x);
    }
#pragma GCC unroll 16
    for (uint32_t r = 0; r < R; ++r) {
      const __m512 w = _mm512_load_ps(tile[b].w[first + r]);
#pragma GCC unroll 4
      for (uint32_t t = 0; t < T; ++t) acc[r][t] = _mm512_fmadd_ps(w, a[t], acc[r][t]);
    }
  }
#pragma GCC unroll 16
  for (uint32_t r = 0; r < R; ++r) {
    if (row + first + r >= args.rows) break;
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      args.out[(token + t) * args.out_stride + row + first + r] = FoldLanes(acc[r][t]);
    }
  }
}

void MultiplyF32(const MultiplyArgs& args) {
  const uint32_t bricks = (args.cols + 15) / 16;
  const auto* tile = reinterpret_cast<const BrickF32*>(args.weights);
  for (uint32_t row = 0; row < args.rows; row += kTileRows, tile += bricks) {
    uint32_t t = 0;
    for (; t + 3 <= args.tokens; t += 3) {
      F32Block<8, 3>(args, tile, row, 0, t);
      F32Block<8, 3>(args, tile, row, 8, t);
    }
    for (; t < args.tokens; ++t) F32Block<16, 1>(args, tile, row, 0, t);
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

constinit const MatmulKernels kAvx512VnniFloats = Table();

}  // namespace ingle
