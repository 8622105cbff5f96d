#pragma once
// The functions of kernels/elementwise.h, written once over a tier's vector type.

#include "kernels/elementwise.h"
#include "kernels/generic/lanes.h"

namespace ingle {
namespace generic {

template <class V>
struct Elementwise {
  using L = Lanes<V>;

  // sum of f(a, b, sum so far) over the vectors of both, the last of them padded with zeros.
  template <class F>
  static float Reduce(const float* a, const float* b, uint32_t n, const F& f) {
    V sum[L::kParts];
    for (uint32_t p = 0; p < L::kParts; ++p) sum[p] = V::Zero();
    uint32_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      for (uint32_t p = 0; p < L::kParts; ++p)
        sum[p] = f(V::Load(a + i + p * V::kWidth), V::Load(b + i + p * V::kWidth), sum[p]);
    if (i < n) {
      float tail_a[kLanes], tail_b[kLanes];
      L::Tail(a + i, n - i, tail_a);
      L::Tail(b + i, n - i, tail_b);
      for (uint32_t p = 0; p < L::kParts; ++p)
        sum[p] = f(V::Load(tail_a + p * V::kWidth), V::Load(tail_b + p * V::kWidth), sum[p]);
    }
    return L::Sum(sum);
  }

  static float Dot(const float* x, const float* y, uint32_t n) {
    return Reduce(x, y, n, [](V a, V b, V sum) { return Fma(a, b, sum); });
  }

  // Rows whose sums are kept in registers at once: as many as hide the latency of an addition.
  static constexpr uint32_t kRowsAtOnce = L::kParts >= 8 ? 1 : 8 / L::kParts;

  // Reduce of Dot for several rows, which must be whole vectors; each sum in its own order.
  static void DotRowsAtOnce(const float* x, const float* rows, uint32_t n, float* y) {
    V sum[kRowsAtOnce][L::kParts];
    for (uint32_t r = 0; r < kRowsAtOnce; ++r)
      for (uint32_t p = 0; p < L::kParts; ++p) sum[r][p] = V::Zero();
    for (uint32_t i = 0; i < n; i += kLanes) {
      for (uint32_t p = 0; p < L::kParts; ++p) {
        const V own = V::Load(x + i + p * V::kWidth);
        for (uint32_t r = 0; r < kRowsAtOnce; ++r)
          sum[r][p] = Fma(own, V::Load(rows + size_t{r} * n + i + p * V::kWidth), sum[r][p]);
      }
    }
    for (uint32_t r = 0; r < kRowsAtOnce; ++r) y[r] = L::Sum(sum[r]);
  }

  static void DotRows(const float* x, const float* rows, uint32_t n, uint32_t count, float* y) {
    uint32_t r = 0;
    if (n % kLanes == 0)
      for (; r + kRowsAtOnce <= count; r += kRowsAtOnce)
        DotRowsAtOnce(x, rows + size_t{r} * n, n, y + r);
    for (; r < count; ++r) y[r] = Dot(x, rows + size_t{r} * n, n);
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
    const float mean = Dot(x, x, n) / static_cast<float>(n);
    const V inverse = Div(V::Set(1.0f), Sqrt(V::Set(mean + epsilon)));
    Map(x, weight, n, y, [=](V v, V w) { return Mul(Mul(v, inverse), w); });
  }

  static float Variance(const float* x, uint32_t n, V mean) {
    V sum[L::kParts];
    for (uint32_t p = 0; p < L::kParts; ++p) sum[p] = V::Zero();
    for (uint32_t i = 0; i < n; i += kLanes) {
      const uint32_t count = n - i < kLanes ? n - i : kLanes;
      float centred[kLanes];
      L::Tail(x + i, count, centred);
      for (uint32_t p = 0; p < L::kParts; ++p)
        Sub(V::Load(centred + p * V::kWidth), mean).Store(centred + p * V::kWidth);
      for (uint32_t j = count; j < kLanes; ++j) centred[j] = 0.0f;  // What pads is no element.
      for (uint32_t p = 0; p < L::kParts; ++p) {
        const V v = V::Load(centred + p * V::kWidth);
        sum[p] = Fma(v, v, sum[p]);
      }
    }
    return L::Sum(sum) / static_cast<float>(n);
  }

  static void LayerNorm(const float* x, const float* weight, const float* bias, uint32_t n,
                        float epsilon, float* y) {
    const float total = Reduce(x, x, n, [](V a, V, V sum) { return Add(sum, a); });
    const V mean = V::Set(total / static_cast<float>(n));
    const V inverse = Div(V::Set(1.0f), Sqrt(V::Set(Variance(x, n, mean) + epsilon)));
    Map(x, weight, n, y, [=](V v, V w) { return Mul(Mul(Sub(v, mean), inverse), w); });
    AddTo(y, bias, n);
  }

  static V Silu(V x) { return Div(x, Add(V::Set(1.0f), L::Exp(Neg(x)))); }

  // x / 2 * (1 + tanh(u)) is x / (1 + exp(-2 u)).
  static V GeluTanh(V x) {
    const V cubic = Fma(Mul(Mul(x, x), x), V::Set(0.044715f), x);
    const V twice = Mul(cubic, V::Set(2 * 0.797884560802865f));  // 2 * sqrt(2 / pi)
    return Div(x, Add(V::Set(1.0f), L::Exp(Neg(twice))));
  }

  static void SiluMultiply(const float* gate, const float* up, uint32_t n, float* y) {
    Map(gate, up, n, y, [](V g, V u) { return Mul(Silu(g), u); });
  }
  static void GeluTanhMultiply(const float* gate, const float* up, uint32_t n, float* y) {
    Map(gate, up, n, y, [](V g, V u) { return Mul(GeluTanh(g), u); });
  }
  static void SiluAll(const float* x, uint32_t n, float* y) {
    Map(x, x, n, y, [](V v, V) { return Silu(v); });
  }
  static void GeluTanhAll(const float* x, uint32_t n, float* y) {
    Map(x, x, n, y, [](V v, V) { return GeluTanh(v); });
  }

  static void Softcap(float* x, float cap, uint32_t n) {
    const V high = V::Set(cap), inverse = V::Set(1.0f / cap);
    Map(x, x, n, x, [=](V v, V) { return Mul(high, L::Tanh(Mul(v, inverse))); });
  }

  static void SigmoidAll(float* x, uint32_t n) {
    Map(x, x, n, x, [](V v, V) { return L::Sigmoid(v); });
  }

  static void Softmax(float* x, uint32_t n) {
    float top = x[0];
    for (uint32_t i = 1; i < n; ++i) top = x[i] > top ? x[i] : top;
    const V most = V::Set(top);
    Map(x, x, n, x, [=](V v, V) { return L::Exp(Sub(v, most)); });
    Scale(x, 1.0f / Reduce(x, x, n, [](V a, V, V sum) { return Add(sum, a); }), n);
  }

  static void Multiply(const float* x, const float* w, uint32_t n, float* y) {
    Map(x, w, n, y, [](V a, V b) { return Mul(a, b); });
  }

  static void MultiplyAdd(const float* x, const float* w, uint32_t n, float* y) {
    uint32_t i = 0;
    for (; i + V::kWidth <= n; i += V::kWidth)
      Fma(V::Load(x + i), V::Load(w + i), V::Load(y + i)).Store(y + i);
    for (; i < n; ++i) y[i] = __builtin_fmaf(x[i], w[i], y[i]);
  }

  static void AddScaled(float* y, const float* x, float factor, uint32_t n) {
    const V f = V::Set(factor);
    Map(x, y, n, y, [=](V a, V b) { return Fma(a, f, b); });
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

  // Most of a row of logits is below the bar: four runs are compared at once, while those 4 KiB
  // ahead come from the last cache.
  static size_t FindAbove(const float* x, size_t begin, size_t n, float bar) {
    constexpr size_t kAtOnce = 4 * kFindRun, kAhead = 1024, kLine = 16;  // In floats.
    const V limit = V::Set(bar);
    for (size_t i = begin; i < n; i += kAtOnce) {
      if (n - i >= kAtOnce) {
        for (size_t j = 0; j < kAtOnce; j += kLine) __builtin_prefetch(x + i + kAhead + j);
        if (!AnyAbove<kAtOnce>(x + i, limit)) continue;
      }
      for (size_t j = i; j < n && j < i + kAtOnce; j += kFindRun)
        if (n - j < kFindRun || AnyAbove<kFindRun>(x + j, limit)) return j;
    }
    return n;
  }

  template <size_t kCount>
  [[gnu::always_inline]] static bool AnyAbove(const float* x, V limit) {
    typename V::Flags flags = V::NoFlags();
#pragma GCC unroll 8
    for (size_t i = 0; i < kCount; i += V::kWidth) flags |= NotAtMost(V::Load(x + i), limit);
    return V::AnySet(flags);
  }

  static constexpr ElementwiseKernels Table() {
    return {.rms_norm = RmsNorm,
            .layer_norm = LayerNorm,
            .silu_multiply = SiluMultiply,
            .gelu_tanh_multiply = GeluTanhMultiply,
            .silu = SiluAll,
            .gelu_tanh = GeluTanhAll,
            .softcap = Softcap,
            .sigmoid = SigmoidAll,
            .softmax = Softmax,
            .dot = Dot,
            .dot_rows = DotRows,
            .multiply = Multiply,
            .multiply_add = MultiplyAdd,
            .add_scaled = AddScaled,
            .add = AddTo,
            .scale = Scale,
            .rope_split_halves = RopeSplitHalves,
            .rope_adjacent_pairs = RopeAdjacentPairs,
            .find_above = FindAbove};
  }
};

}  // namespace generic
}  // namespace ingle
