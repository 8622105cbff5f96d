// Products of F32, F16 and BF16 weights with AVX2: for F16 and BF16 a lane is a row, for F32 it is
// k modulo 8.
#include <immintrin.h>

#include "kernels/bricks.h"
#include "kernels/generic/tile_driver.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx2Floats;

namespace {

inline __m256 CutToBf16(__m256 x) {
  return _mm256_and_ps(x,
                       _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int32_t>(0xffff0000u))));
}

// The weights of an even and the following odd k of eight rows.
struct Pair {
  __m256 even, odd;
};

inline __m256i LoadPairs(const uint16_t (*pairs)[2]) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(pairs));
}

// T tokens' activations (floats), `stride` bytes apart.
template <uint32_t T>
struct Tokens {
  const float* x[T];
  Tokens(const uint8_t* activations, size_t stride) {
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t)
      x[t] = reinterpret_cast<const float*>(activations + t * stride);
  }
};

// acc += (chain over even k + chain over odd k) for 32 k of kHalves times eight rows of bf16
// weights, from row 8 * first on.
template <uint32_t T, uint32_t kHalves = 1>
inline void AddChains(const BrickHalf& brick, uint32_t first, const Tokens<T>& a, float* acc) {
  __m256 even[T][kHalves], odd[T][kHalves];
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t h = 0; h < kHalves; ++h) even[t][h] = odd[t][h] = _mm256_setzero_ps();
  }
#pragma GCC unroll 4
  for (uint32_t p = 0; p < 16; ++p) {
#pragma GCC unroll 2
    for (uint32_t h = 0; h < kHalves; ++h) {
      const __m256i x = LoadPairs(brick.w[p] + 8 * (first + h));
      const Pair w = {_mm256_castsi256_ps(_mm256_slli_epi32(x, 16)),
                      CutToBf16(_mm256_castsi256_ps(x))};
#pragma GCC unroll 8
      for (uint32_t t = 0; t < T; ++t) {
        even[t][h] = _mm256_fmadd_ps(w.even, _mm256_broadcast_ss(a.x[t] + 2 * p), even[t][h]);
        odd[t][h] = _mm256_fmadd_ps(w.odd, _mm256_broadcast_ss(a.x[t] + 2 * p + 1), odd[t][h]);
      }
    }
  }
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t h = 0; h < kHalves; ++h) {
      float* to = acc + t * kTileRows + 8 * (first + h);
      _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), _mm256_add_ps(even[t][h], odd[t][h])));
    }
  }
}

struct Bf16 {
  struct Activation {
    ActivationBf16 groups[8];
  };
  static constexpr uint32_t kDirectTokens = 2, kDirectMost = 8;

  template <uint32_t T>
  static void AddDirect(const BrickHalf& brick, const uint8_t* activations, size_t stride,
                        float* acc) {
    AddChains<T, 2>(brick, 0, Tokens<T>(activations, stride), acc);
  }

  // A panel's bricks are used as they are.
  struct PanelGroup {
    const BrickHalf* brick;
  };
  static void Unpack(const BrickHalf& brick, PanelGroup& to) { to.brick = &brick; }
  template <uint32_t T>
  static void AddGroup(const PanelGroup& panel, const uint8_t* activations, size_t stride,
                       float* acc) {
    const Tokens<T> a(activations, stride);
    AddChains<T>(*panel.brick, 0, a, acc);
    AddChains<T>(*panel.brick, 1, a, acc);
  }
};

struct F16 {
  struct Activation {
    ActivationBf16x2 groups[8];
  };
  static constexpr uint32_t kDirectTokens = 2, kDirectMost = 4;

  // Rows 8h... in the order 0 1 4 5 2 3 6 7.
  static Pair Weights(const uint16_t (&pair)[16][2], uint32_t h) {
    const auto* x = reinterpret_cast<const __m128i*>(pair + 8 * h);
    const __m256 low = _mm256_cvtph_ps(_mm_load_si128(x));
    const __m256 high = _mm256_cvtph_ps(_mm_load_si128(x + 1));
    return {_mm256_shuffle_ps(low, high, 0x88), _mm256_shuffle_ps(low, high, 0xdd)};
  }
  static __m256 InOrder(__m256 x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
  }
  static Pair Cut(const Pair& w) { return {CutToBf16(w.even), CutToBf16(w.odd)}; }
  static Pair Lost(const Pair& w, const Pair& hi) {
    return {_mm256_sub_ps(w.even, hi.even), _mm256_sub_ps(w.odd, hi.odd)};
  }

  // Rows 8h...: acc += (chain over even k + chain over odd k) for each of hi * hi, hi * lo, lo *
  // hi.
  template <uint32_t T>
  static void AddHalf(const BrickHalf& brick, uint32_t h, const uint8_t* activations, size_t stride,
                      float* acc) {
    __m256 even[T][3], odd[T][3];
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 3
      for (uint32_t i = 0; i < 3; ++i) even[t][i] = odd[t][i] = _mm256_setzero_ps();
    }
#pragma GCC unroll 2
    for (uint32_t p = 0; p < 16; ++p) {
      const Pair w = Weights(brick.w[p], h), hi = Cut(w), lo = Lost(w, hi);
#pragma GCC unroll 2
      for (uint32_t t = 0; t < T; ++t) {
        const auto& a = *reinterpret_cast<const ActivationBf16x2*>(activations + t * stride);
        const float *a_hi = a.hi + 2 * p, *a_lo = a.lo + 2 * p;
        even[t][0] = _mm256_fmadd_ps(hi.even, _mm256_broadcast_ss(a_hi), even[t][0]);
        odd[t][0] = _mm256_fmadd_ps(hi.odd, _mm256_broadcast_ss(a_hi + 1), odd[t][0]);
        even[t][1] = _mm256_fmadd_ps(hi.even, _mm256_broadcast_ss(a_lo), even[t][1]);
        odd[t][1] = _mm256_fmadd_ps(hi.odd, _mm256_broadcast_ss(a_lo + 1), odd[t][1]);
        even[t][2] = _mm256_fmadd_ps(lo.even, _mm256_broadcast_ss(a_hi), even[t][2]);
        odd[t][2] = _mm256_fmadd_ps(lo.odd, _mm256_broadcast_ss(a_hi + 1), odd[t][2]);
      }
    }
#pragma GCC unroll 2
    for (uint32_t t = 0; t < T; ++t) {
      float* to = acc + t * kTileRows + 8 * h;
      __m256 sum = _mm256_load_ps(to);
#pragma GCC unroll 3
      for (uint32_t i = 0; i < 3; ++i)
        sum = _mm256_add_ps(sum, InOrder(_mm256_add_ps(even[t][i], odd[t][i])));
      _mm256_store_ps(to, sum);
    }
  }

  template <uint32_t T>
  static void AddDirect(const BrickHalf& brick, const uint8_t* activations, size_t stride,
                        float* acc) {
    for (uint32_t h = 0; h < 2; ++h) AddHalf<T>(brick, h, activations, stride, acc);
  }

  // Both parts of the weights as bf16.
  struct PanelGroup {
    BrickHalf hi, lo;
    bool has_lo;  // False where half floats hold what was bf16.
  };
  static __m256i StoreBf16(const Pair& w, uint16_t (*to)[2]) {
    const __m256i even = _mm256_srli_epi32(_mm256_castps_si256(InOrder(w.even)), 16);
    const __m256i odd = _mm256_castps_si256(InOrder(w.odd));
    const __m256i bits = _mm256_blend_epi16(even, odd, 0xaa);
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), bits);
    return bits;
  }
  static void Unpack(const BrickHalf& brick, PanelGroup& to) {
    __m256i any = _mm256_setzero_si256();
    for (uint32_t p = 0; p < 16; ++p) {
      for (uint32_t h = 0; h < 2; ++h) {
        const Pair w = Weights(brick.w[p], h), hi = Cut(w);
        StoreBf16(hi, to.hi.w[p] + 8 * h);
        any = _mm256_or_si256(any, StoreBf16(Lost(w, hi), to.lo.w[p] + 8 * h));
      }
    }
    to.has_lo = !_mm256_testz_si256(any, any);
  }
  template <uint32_t T>
  static void AddGroup(const PanelGroup& panel, const uint8_t* activations, size_t stride,
                       float* acc) {
    const Tokens<T> hi(activations, stride);
    const Tokens<T> lo(activations + offsetof(ActivationBf16x2, lo), stride);
    for (uint32_t h = 0; h < 2; ++h) {
      AddChains<T>(panel.hi, h, hi, acc);
      AddChains<T>(panel.hi, h, lo, acc);
      if (panel.has_lo) AddChains<T>(panel.lo, h, hi, acc);
    }
    if (panel.has_lo) return;
    // The same with weights of zero: -0 (of a flushed subnormal) becomes 0.
    for (float* to = acc; to != acc + T * kTileRows; to += 8)
      _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), _mm256_setzero_ps()));
  }
};

// The family of TileDriver.
template <class Format>
struct Halves : Format {
  using Activation = typename Format::Activation;
  static constexpr uint32_t kPanelTokens = 6, kPanelTiles = 1;
  static constexpr size_t kBrickBytes = 8 * sizeof(BrickHalf);

  struct Panel {
    typename Format::PanelGroup bricks[8];
    uint32_t count;
  };

  static size_t TileBytes(uint32_t cols) { return (cols + 31) / 32 * sizeof(BrickHalf); }

  static void Unpack(const uint8_t* const (&tiles)[1], uint32_t cols, uint32_t index,
                     Panel& panel) {
    const auto* bricks = reinterpret_cast<const BrickHalf*>(tiles[0]) + index * 8;
    const uint32_t left = (cols + 31) / 32 - index * 8;
    panel.count = left < 8 ? left : 8;
    for (uint32_t b = 0; b < panel.count; ++b) Format::Unpack(bricks[b], panel.bricks[b]);
  }

  template <uint32_t T>
  static void Direct(const uint8_t* tile, uint32_t cols, const uint8_t* activations, size_t stride,
                     float* out, size_t out_stride, uint32_t rows, const generic::Ahead& ahead) {
    alignas(64) float acc[T * kTileRows] = {};
    const auto* brick = reinterpret_cast<const BrickHalf*>(tile);
    const auto* const end = brick + (cols + 31) / 32;
    for (; brick != end; ++brick, activations += sizeof(Activation) / 8) {
      ahead.Prefetch<sizeof(BrickHalf)>(brick);
      Format::template AddDirect<T>(*brick, activations, stride, acc);
    }
    generic::DeliverTokens<T>(acc, out, out_stride, rows);
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, const uint8_t* activations, size_t stride, float* sums) {
    for (uint32_t b = 0; b < panel.count; ++b)
      Format::template AddGroup<T>(panel.bricks[b], activations + b * (sizeof(Activation) / 8),
                                   stride, sums);
  }
};

// Sixteen lanes folded onto each other: 8 + 8, 4 + 4, 2 + 2, 1 + 1.
inline float FoldLanes(__m256 low, __m256 high) {
  const __m256 x8 = _mm256_add_ps(low, high);
  const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
  const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
}

// R rows of a tile from `first` on, one token.
template <uint32_t R>
void F32Rows(const MultiplyArgs& args, const BrickF32* tile, uint32_t row, uint32_t first,
             uint32_t token) {
  const auto* a =
      reinterpret_cast<const ActivationF32*>(args.activations + token * args.activation_stride);
  const uint32_t bricks = (args.cols + 15) / 16;
  __m256 low[R], high[R];
#pragma GCC unroll 4
  for (uint32_t r = 0; r < R; ++r) low[r] = high[r] = _mm256_setzero_ps();
  for (uint32_t b = 0; b < bricks; ++b) {
    const __m256 a_low = _mm256_load_ps(a[b].x), a_high = _mm256_load_ps(a[b].x + 8);
#pragma GCC unroll 4
    for (uint32_t r = 0; r < R; ++r) {
      const float* w = tile[b].w[first + r];
      low[r] = _mm256_fmadd_ps(_mm256_load_ps(w), a_low, low[r]);
      high[r] = _mm256_fmadd_ps(_mm256_load_ps(w + 8), a_high, high[r]);
    }
  }
  for (uint32_t r = 0; r < R && row + first + r < args.rows; ++r) {
    args.out[token * args.out_stride + row + first + r] = FoldLanes(low[r], high[r]);
  }
}

void MultiplyF32(const MultiplyArgs& args) {
  const uint32_t bricks = (args.cols + 15) / 16;
  const auto* tile = reinterpret_cast<const BrickF32*>(args.weights);
  for (uint32_t row = 0; row < args.rows; row += kTileRows, tile += bricks) {
    for (uint32_t t = 0; t < args.tokens; ++t) {
      for (uint32_t first = 0; first < kTileRows; first += 4) F32Rows<4>(args, tile, row, first, t);
    }
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

constinit const MatmulKernels kAvx2Floats = Table();

}  // namespace ingle
