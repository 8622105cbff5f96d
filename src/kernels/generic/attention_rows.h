#pragma once
// What attention does with the scores of a row, whatever the cache holds: the softmax of a split
// and the merging of splits.

#include "kernels/attention.h"
#include "kernels/generic/lanes.h"

namespace ingle {
namespace generic {

inline constexpr uint32_t kGroupTokens = 16;  // Keys that lie interleaved in a page.
inline constexpr uint32_t kSplitGroups = kSplitTokens / kGroupTokens;

template <class V>
struct AttentionRows {
  using L = Lanes<V>;
  static constexpr uint32_t kWidth = V::kWidth;

  // scores[begin, count) -> exp(score - maximum); from there to the multiples of 16 around: 0.
  static void Softmax(float* scores, uint32_t begin, uint32_t count, float* maximum, float* sum) {
    const uint32_t first = begin / kLanes * kLanes;
    const uint32_t padded = (count + kLanes - 1) / kLanes * kLanes;
    for (uint32_t j = first; j < begin; ++j) scores[j] = -__builtin_inff();
    for (uint32_t j = count; j < padded; ++j) scores[j] = -__builtin_inff();
    V most[L::kParts];
    for (uint32_t p = 0; p < L::kParts; ++p) most[p] = V::Load(scores + first + p * kWidth);
    for (uint32_t j = first + kLanes; j < padded; j += kLanes)
      for (uint32_t p = 0; p < L::kParts; ++p)
        most[p] = Max(most[p], V::Load(scores + j + p * kWidth));
    float lane[kLanes];
    for (uint32_t p = 0; p < L::kParts; ++p) most[p].Store(lane + p * kWidth);
    for (uint32_t half = kLanes / 2; half > 0; half /= 2)
      for (uint32_t i = 0; i < half; ++i)
        lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    const V top = V::Set(lane[0]);
    V total[L::kParts];
    for (uint32_t p = 0; p < L::kParts; ++p) total[p] = V::Zero();
    for (uint32_t j = first; j < padded; j += kLanes) {
      for (uint32_t p = 0; p < L::kParts; ++p) {
        const V e = L::Exp(Sub(V::Load(scores + j + p * kWidth), top));
        e.Store(scores + j + p * kWidth);
        total[p] = Add(total[p], e);
      }
    }
    *maximum = lane[0];
    *sum = L::Sum(total);
  }

  static void Cap(float* scores, uint32_t count, float cap) {
    const V high = V::Set(cap), inverse = V::Set(1.0f / cap);
    for (uint32_t j = 0; j < count; j += kWidth)
      Mul(high, L::Tanh(Mul(V::Load(scores + j), inverse))).Store(scores + j);
  }

  static float Exp(float x) {
    float lanes[kWidth];
    L::Exp(V::Set(x)).Store(lanes);
    return lanes[0];
  }

  static void Merge(const AttentionState& next, const AttentionState& all, uint32_t rows,
                    uint32_t dim) {
    for (uint32_t r = 0; r < rows; ++r) {
      const float top = all.maximum[r] > next.maximum[r] ? all.maximum[r] : next.maximum[r];
      const float old_scale = Exp(all.maximum[r] - top), new_scale = Exp(next.maximum[r] - top);
      all.maximum[r] = top;
      all.sum[r] = __builtin_fmaf(next.sum[r], new_scale, all.sum[r] * old_scale);
      float* to = all.out + size_t{r} * dim;
      const float* from = next.out + size_t{r} * dim;
      for (uint32_t d = 0; d < dim; d += kWidth)
        Fma(V::Load(from + d), V::Set(new_scale), Mul(V::Load(to + d), V::Set(old_scale)))
            .Store(to + d);
    }
  }

  static void Finish(const AttentionState& all, uint32_t rows, uint32_t dim) {
    for (uint32_t r = 0; r < rows; ++r) {
      const V inverse = V::Set(1.0f / all.sum[r]);
      float* to = all.out + size_t{r} * dim;
      for (uint32_t d = 0; d < dim; d += kWidth) Mul(V::Load(to + d), inverse).Store(to + d);
    }
  }
};

}  // namespace generic
}  // namespace ingle
