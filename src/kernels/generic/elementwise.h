#pragma once
// The functions of kernels/elementwise.h, written once over a tier's vector type.

#include "kernels/elementwise.h"
#include "kernels/generic/lanes.h"

namespace ingle {
namespace generic {

template <class V>
struct Elementwise {
  using L = Lanes<V>;

  static float SumOfSquares(const float* x, uint32_t n) {
    V sum[L::kParts];
    for (uint32_t p = 0; p < L::kParts; ++p) sum[p] = V::Zero();
    uint32_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (uint32_t p = 0; p < L::kParts; ++p) {
        const V v = V::Load(x + i + p * V::kWidth);
        sum[p] = Fma(v, v, sum[p]);
      }
    }
    if (i < n) {
      float tail[kLanes];
      L::Tail(x + i, n - i, tail);
      for (uint32_t p = 0; p < L::kParts; ++p) {
        const V v = V::Load(tail + p * V::kWidth);
        sum[p] = Fma(v, v, sum[p]);
      }
    }
    return L::Sum(sum);
  }

  // Calls f on whole vectors of a and b, storing to y; the last one goes through padded copies.
  template <class F>
  static void Map(const float* a, const float* b, uint32_t n, float* y, const F& f) {
    uint32_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth) f(V::Load(a + i), V::Load(b + i)).Store(y + i);
    if (i == n) return;
    float tail_a[kLanes], tail_b[kLanes];
    L::Tail(a + i, n - i, tail_a);
    L::Tail(b + i, n - i, tail_b);
    f(V::Load(tail_a), V::Load(tail_b)).Store(tail_a);
    for (uint32_t j = 0; i + j < n; ++j) y[i + j] = tail_a[j];
  }

  static void RmsNorm(const float* x, const float* weight, uint32_t n, float epsilon, float* y) {
    const float mean = SumOfSquares(x, n) / static_cast<float>(n);
    const V inverse = Div(V::Set(1.0f), Sqrt(V::Set(mean + epsilon)));
    Map(x, weight, n, y, [=](V v, V w) { return Mul(Mul(v, inverse), w); });
  }

  static void SiluMultiply(const float* gate, const float* up, uint32_t n, float* y) {
    Map(gate, up, n, y, [](V g, V u) {
      const V one = V::Set(1.0f);
      return Mul(Div(g, Add(one, L::Exp(Neg(g)))), u);
    });
  }

  static void AddTo(float* x, const float* y, uint32_t n) {
    Map(x, y, n, x, [](V a, V b) { return Add(a, b); });
  }

  static void Scale(float* x, float factor, uint32_t n) {
    const V f = V::Set(factor);
    Map(x, x, n, x, [=](V a, V) { return Mul(a, f); });
  }

  static void RopeSplitHalves(float* x, const float* cosines, const float* sines, uint32_t pairs) {
    uint32_t i = 0;
    for (; i + V::kWidth <= pairs; i += V::kWidth) {
      const V c = V::Load(cosines + i), s = V::Load(sines + i);
      const V a = V::Load(x + i), b = V::Load(x + pairs + i);
      Fma(a, c, Neg(Mul(b, s))).Store(x + i);
      Fma(b, c, Mul(a, s)).Store(x + pairs + i);
    }
    for (; i < pairs; ++i) RotateOne(x[i], x[pairs + i], cosines[i], sines[i]);
  }

  static void RopeAdjacentPairs(float* x, const float* cosines, const float* sines,
                                uint32_t pairs) {
    constexpr uint32_t kPairs = V::kWidth / 2;
    uint32_t i = 0;
    for (; i + kPairs <= pairs; i += kPairs) {
      float both[V::kWidth], sign[V::kWidth];
      for (uint32_t j = 0; j < kPairs; ++j) {
        both[2 * j] = both[2 * j + 1] = cosines[i + j];
        sign[2 * j] = -sines[i + j];
        sign[2 * j + 1] = sines[i + j];
      }
      const V v = V::Load(x + 2 * i);
      Fma(v, V::Load(both), Mul(SwapPairs(v), V::Load(sign))).Store(x + 2 * i);
    }
    for (; i < pairs; ++i) RotateOne(x[2 * i], x[2 * i + 1], cosines[i], sines[i]);
  }

  static void RotateOne(float& a, float& b, float cosine, float sine) {
    const float x = a, y = b;
    a = __builtin_fmaf(x, cosine, -(y * sine));
    b = __builtin_fmaf(y, cosine, x * sine);
  }

  static constexpr ElementwiseKernels Table() {
    return {.rms_norm = RmsNorm,
            .silu_multiply = SiluMultiply,
            .add = AddTo,
            .scale = Scale,
            .rope_split_halves = RopeSplitHalves,
            .rope_adjacent_pairs = RopeAdjacentPairs};
  }
};

}  // namespace generic
}  // namespace ingle
