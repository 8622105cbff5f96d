#pragma once
// The functions of kernels/attention.h, written once over a tier's vector type. Vectors run over
// keys for the scores (each key is a lane with chains of its own) and over the head's elements for
// the output, so their width cannot change a bit; how many rows and groups go through the registers
// together cannot either.

#include "kernels/generic/attention_codes.h"
#include "kernels/generic/attention_rows.h"

namespace ingle {
namespace generic {

template <class V>
struct Bf16Cache {
  static V KeyEven(const uint8_t* group, uint32_t k2, uint32_t lane) {
    return V::PairEven(group + (k2 * kGroupTokens + lane) * 4);
  }
  static V KeyOdd(const uint8_t* group, uint32_t k2, uint32_t lane) {
    return V::PairOdd(group + (k2 * kGroupTokens + lane) * 4);
  }
  static V ValueEven(const uint8_t* page, uint32_t pair, uint32_t dim, uint32_t d) {
    return V::PairEven(page + (size_t{pair} * dim + d) * 4);
  }
  static V ValueOdd(const uint8_t* page, uint32_t pair, uint32_t dim, uint32_t d) {
    return V::PairOdd(page + (size_t{pair} * dim + d) * 4);
  }
  static constexpr uint32_t kElementBytes = 2;
};

template <class V>
struct F32Cache {
  static const float* Floats(const uint8_t* bytes) { return reinterpret_cast<const float*>(bytes); }
  static V KeyEven(const uint8_t* group, uint32_t k2, uint32_t lane) {
    return V::Load(Floats(group) + 2 * k2 * kGroupTokens + lane);
  }
  static V KeyOdd(const uint8_t* group, uint32_t k2, uint32_t lane) {
    return V::Load(Floats(group) + (2 * k2 + 1) * kGroupTokens + lane);
  }
  static V ValueEven(const uint8_t* page, uint32_t pair, uint32_t dim, uint32_t d) {
    return V::Load(Floats(page) + size_t{2 * pair} * dim + d);
  }
  static V ValueOdd(const uint8_t* page, uint32_t pair, uint32_t dim, uint32_t d) {
    return V::Load(Floats(page) + size_t{2 * pair + 1} * dim + d);
  }
  static constexpr uint32_t kElementBytes = 4;
};

template <class V, class Cache>
struct Attention {
  using Row = AttentionRows<V>;
  static constexpr uint32_t kWidth = V::kWidth;
  static constexpr uint32_t kRowsMax = V::kAttentionRows;

  // Where the keys of each group lie, and the values of the same tokens. Entries past the split's
  // last group repeat it: they are fetched at most.
  struct Groups {
    static constexpr uint32_t kCount = kSplitGroups + 4;
    const uint8_t* keys[kCount];
    const uint8_t* values[kCount];
  };

  // A group takes as many bytes as dim / 2 calls fetch.
  static void Fetch(const uint8_t* group, uint32_t k2) {
    constexpr uint32_t kBytes = Cache::kElementBytes * 2 * kGroupTokens, kLine = 64;
    for (uint32_t i = 0; i < kBytes; i += kLine) __builtin_prefetch(group + k2 * kBytes + i, 0, 2);
  }

  // Scores of R rows with G groups of keys, from the first of `groups` on. scores:
  // [R][kSplitTokens]. kFetch: meanwhile the keys of the next groups and the values of these come
  // from memory; later blocks of rows find them in the cache.
  template <uint32_t R, uint32_t G, bool kFetch>
  static void Scores(const float* queries, uint32_t dim, const Groups& all, uint32_t first,
                     float* scores) {
    const uint8_t* const* groups = all.keys + first;
    for (uint32_t lane = 0; lane < kGroupTokens; lane += kWidth) {
      V even[R][G], odd[R][G];
#pragma GCC unroll 8
      for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (uint32_t g = 0; g < G; ++g) even[r][g] = odd[r][g] = V::Zero();
      for (uint32_t k2 = 0; k2 < dim / 2; ++k2) {
#pragma GCC unroll 8
        for (uint32_t g = 0; g < G; ++g) {
          if constexpr (kFetch) {
            Fetch(groups[G + g], k2);
            Fetch(all.values[first + g], k2);
          }
          const V key_even = Cache::KeyEven(groups[g], k2, lane);
          const V key_odd = Cache::KeyOdd(groups[g], k2, lane);
#pragma GCC unroll 8
          for (uint32_t r = 0; r < R; ++r) {
            even[r][g] = Fma(key_even, V::Set(queries[r * dim + 2 * k2]), even[r][g]);
            odd[r][g] = Fma(key_odd, V::Set(queries[r * dim + 2 * k2 + 1]), odd[r][g]);
          }
        }
      }
#pragma GCC unroll 8
      for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (uint32_t g = 0; g < G; ++g)
          Add(even[r][g], odd[r][g]).Store(scores + r * kSplitTokens + g * kGroupTokens + lane);
    }
  }

  template <uint32_t R, bool kFetch>
  static void AllScores(const float* queries, uint32_t dim, const Groups& groups, uint32_t first,
                        uint32_t count, float* scores) {
    constexpr uint32_t kRoom = V::kAttentionScores / R;
    constexpr uint32_t kTogether = kRoom >= 4 ? 4 : kRoom >= 2 ? 2 : 1;
    uint32_t g = first;
    for (; g + kTogether <= count; g += kTogether)
      Scores<R, kTogether, kFetch>(queries, dim, groups, g, scores + g * kGroupTokens);
    for (; g < count; ++g) Scores<R, 1, kFetch>(queries, dim, groups, g, scores + g * kGroupTokens);
  }

  // out[R][D vectors from d] += weights of keys [begin, end) * values; begin is even. Where end is
  // odd, its last key is the first of its pair. fresh: starts at zero.
  template <uint32_t R, uint32_t D>
  static void Values(const float* weights, const uint8_t* const* pages, uint32_t dim, uint32_t d,
                     uint32_t begin, uint32_t end, bool fresh, float* out) {
    V acc[R][D];
#pragma GCC unroll 8
    for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i)
        acc[r][i] = fresh ? V::Zero() : V::Load(out + r * dim + d + i * kWidth);
    uint32_t j = begin;
    for (; j + 2 <= end; j += 2) {
      const uint8_t* page = pages[j / kPageTokens];
      const uint32_t pair = j % kPageTokens / 2;
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i) {
        const V even = Cache::ValueEven(page, pair, dim, d + i * kWidth);
        const V odd = Cache::ValueOdd(page, pair, dim, d + i * kWidth);
#pragma GCC unroll 8
        for (uint32_t r = 0; r < R; ++r) {
          acc[r][i] = Fma(V::Set(weights[r * kSplitTokens + j]), even, acc[r][i]);
          acc[r][i] = Fma(V::Set(weights[r * kSplitTokens + j + 1]), odd, acc[r][i]);
        }
      }
    }
    if (j < end) {
      const uint8_t* page = pages[j / kPageTokens];
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i) {
        const V even = Cache::ValueEven(page, j % kPageTokens / 2, dim, d + i * kWidth);
#pragma GCC unroll 8
        for (uint32_t r = 0; r < R; ++r)
          acc[r][i] = Fma(V::Set(weights[r * kSplitTokens + j]), even, acc[r][i]);
      }
    }
#pragma GCC unroll 8
    for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i) acc[r][i].Store(out + r * dim + d + i * kWidth);
  }

  template <uint32_t R>
  static void AllValues(const float* weights, const uint8_t* const* pages, uint32_t dim,
                        uint32_t begin, uint32_t end, bool fresh, float* out) {
    constexpr uint32_t kRoom = V::kAttentionSums / R;
    constexpr uint32_t kTogether = kRoom >= 8 ? 8 : kRoom >= 4 ? 4 : kRoom >= 2 ? 2 : 1;
    uint32_t d = 0;
    for (; d + kTogether * kWidth <= dim; d += kTogether * kWidth)
      Values<R, kTogether>(weights, pages, dim, d, begin, end, fresh, out);
    for (; d < dim; d += kWidth) Values<R, 1>(weights, pages, dim, d, begin, end, fresh, out);
  }

  // Keys of the R rows from `row` on. Whole pairs that all of them see: [shared_first, shared_end);
  // the end is odd where all end there.
  struct Range {
    uint32_t first, shared_first, shared_end, end;
  };

  template <uint32_t R>
  static Range RangeOf(const AttentionArgs& args, uint32_t row) {
    uint32_t first = args.begins ? kSplitTokens : 0, last_first = 0;
    uint32_t least = kSplitTokens, most = 0;
    for (uint32_t r = row; r < row + R; ++r) {
      const uint32_t begin = args.begins ? args.begins[r] : 0;
      first = begin < first ? begin : first;
      last_first = begin > last_first ? begin : last_first;
      least = args.counts[r] < least ? args.counts[r] : least;
      most = args.counts[r] > most ? args.counts[r] : most;
    }
    return {first, last_first / 2 * 2, least == most ? least : least / 2 * 2, most};
  }

  template <uint32_t R>
  static void Block(const AttentionArgs& args, const Groups& groups, uint32_t row,
                    const AttentionState& state) {
    float scores[R * kSplitTokens];
    const Range range = RangeOf<R>(args, row);
    const float* queries = args.queries + size_t{row} * args.dim;
    const uint32_t first = range.first / kGroupTokens;
    const uint32_t count = (range.end + kGroupTokens - 1) / kGroupTokens;
    if (row == 0)
      AllScores<R, true>(queries, args.dim, groups, first, count, scores);
    else
      AllScores<R, false>(queries, args.dim, groups, first, count, scores);
    for (uint32_t r = 0; r < R; ++r) {
      float* own = scores + r * kSplitTokens;
      if (args.softcap != 0)
        Row::Cap(own + first * kGroupTokens, (count - first) * kGroupTokens, args.softcap);
      Row::Softmax(own, args.begins ? args.begins[row + r] : 0, args.counts[row + r],
                   state.maximum + row + r, state.sum + row + r);
    }
    BlockValues<R>(args, range, row, scores, state.out + size_t{row} * args.dim);
  }

  // A row never touches keys beyond its own, not even with weight zero: they may be anything.
  // Before its own it touches at most the one that makes its first pair whole.
  template <uint32_t R>
  static void BlockValues(const AttentionArgs& args, const Range& range, uint32_t row,
                          const float* scores, float* out) {
    const auto begin = [&](uint32_t r) { return args.begins ? args.begins[row + r] / 2 * 2 : 0; };
    const auto alone = [&](uint32_t r, uint32_t from, uint32_t to, bool fresh) {
      AllValues<1>(scores + r * kSplitTokens, args.values, args.dim, from, to, fresh,
                   out + size_t{r} * args.dim);
    };
    if (range.shared_first >= range.shared_end) {
      for (uint32_t r = 0; r < R; ++r) alone(r, begin(r), args.counts[row + r], true);
      return;
    }
    const bool ragged = range.first / 2 * 2 != range.shared_first;
    if (ragged)
      for (uint32_t r = 0; r < R; ++r) alone(r, begin(r), range.shared_first, true);
    AllValues<R>(scores, args.values, args.dim, range.shared_first, range.shared_end, !ragged, out);
    if (range.shared_end == range.end) return;
    for (uint32_t r = 0; r < R; ++r) alone(r, range.shared_end, args.counts[row + r], false);
  }

  static void Split(const AttentionArgs& args, const AttentionState& state) {
    Groups groups;
    const size_t group_bytes = size_t{args.dim} * kGroupTokens * Cache::kElementBytes;
    for (uint32_t i = 0; i < Groups::kCount; ++i) {
      const uint32_t g = i < kSplitGroups ? i : kSplitGroups - 1;
      groups.keys[i] = args.keys[g / 2] + (g % 2) * group_bytes;
      groups.values[i] = args.values[g / 2] + (g % 2) * group_bytes;
    }
    Blocks<kRowsMax>(args, groups, 0, state);
  }

  // All rows from `row` on in blocks of R, the rest in smaller ones.
  template <uint32_t R>
  static void Blocks(const AttentionArgs& args, const Groups& groups, uint32_t row,
                     const AttentionState& state) {
    for (; row + R <= args.rows; row += R) Block<R>(args, groups, row, state);
    if constexpr (R > 1) Blocks<R - 1>(args, groups, row, state);
  }
};

template <class V>
constexpr AttentionKernels AttentionTable() {
  using Row = AttentionRows<V>;
  return {.split = {Attention<V, Bf16Cache<V>>::Split, Attention<V, F32Cache<V>>::Split,
                    CodeAttention<V>::Split},
          .merge = Row::Merge,
          .finish = Row::Finish};
}

}  // namespace generic
}  // namespace ingle
