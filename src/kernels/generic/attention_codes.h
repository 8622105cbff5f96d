#pragma once
// Attention over a cache of int8 codes (kCacheI8), once for all tiers. Both products are of
// integers: a block of a query becomes int16 with one scale, and so do a row's weights of a split
// times the scales of one block of its values. What is lost so is a hundredth of what the codes
// have lost, a sum of integers is exact in every order, and instructions take twice as many
// integers as floats. No key or value is ever written down as a float.

#include "kernels/attention.h"
#include "kernels/bricks.h"
#include "kernels/generic/attention_rows.h"

namespace ingle {
namespace generic {

template <class V>
struct CodeAttention {
  using Row = AttentionRows<V>;
  using Codes = typename V::CodePairs;
  using Words = typename V::WordPair;
  using Sums = typename V::IntegerSums;
  static constexpr uint32_t kWidth = V::kWidth;
  static constexpr uint32_t kRowsMax = V::kAttentionRows;
  static constexpr uint32_t kRoom = V::kAttentionIntegers;  // Sums that stay in registers.
  static constexpr uint32_t kLine = 64;

  // Maps magnitudes up to a maximum to 0..32767, and back. Zeros for a tiny maximum; one that is
  // not finite makes everything NaN.
  struct WordScale {
    float inverse, d;

    static WordScale Of(float maximum) {
      constexpr uint32_t kInfinity = 0x7f800000u, kNan = 0x7fc00000u;
      uint32_t bits;
      __builtin_memcpy(&bits, &maximum, sizeof bits);
      if (bits >= kInfinity) return {0.0f, __builtin_bit_cast(float, kNan)};
      if (maximum < kSmallestGroupMaximum) return {0.0f, 0.0f};
      return {32767.0f / maximum, maximum / 32767.0f};
    }
  };

  // As many as fit beside R others: a power of two, at most `most`.
  static constexpr uint32_t Fitting(uint32_t rows, uint32_t most) {
    while (most > 1 && rows * most > kRoom) most /= 2;
    return most;
  }

  // The split's groups of keys and pages of values. Entries past its last one repeat it: they are
  // fetched at most.
  struct Groups {
    static constexpr uint32_t kCount = kSplitGroups + 8;
    const uint8_t* keys[kCount];
    const uint8_t* values[kCount];  // The half of the page that has this number.
  };

  template <uint32_t R>
  struct Queries {
    alignas(64) int16_t words[R][kAttentionDimMax];
    float d[R][kAttentionDimMax / kCodeBlock];
  };

  static float Top(V magnitudes) {
    float lanes[kWidth];
    magnitudes.Store(lanes);
    uint32_t top = 0;
    for (uint32_t i = 0; i < kWidth; ++i) {
      uint32_t bits;
      __builtin_memcpy(&bits, lanes + i, sizeof bits);
      top = bits > top ? bits : top;
    }
    return __builtin_bit_cast(float, top);
  }

  static uint32_t BlockDims(uint32_t dim, uint32_t block) {
    const uint32_t rest = dim - block * kCodeBlock;
    return rest < kCodeBlock ? rest : kCodeBlock;
  }

  template <uint32_t R>
  static void QueryWords(const float* queries, uint32_t dim, Queries<R>& to) {
    for (uint32_t r = 0; r < R; ++r) {
      for (uint32_t b = 0; b < CodeBlocks(dim); ++b) {
        const float* x = queries + size_t{r} * dim + b * kCodeBlock;
        const uint32_t count = BlockDims(dim, b);
        V top = V::Zero();
        for (uint32_t i = 0; i < count; i += kWidth) top = MaxBits(top, Magnitude(V::Load(x + i)));
        const WordScale scale = WordScale::Of(Top(top));
        to.d[r][b] = scale.d;
        for (uint32_t i = 0; i < count; i += kWidth)
          Mul(V::Load(x + i), V::Set(scale.inverse)).StoreWords(to.words[r] + b * kCodeBlock + i);
      }
    }
  }

  // One block's part of the scores of R rows with G groups of keys. kFirst: of the first block.
  template <uint32_t R, uint32_t G, bool kFirst, bool kFetch>
  static void BlockScores(const Queries<R>& queries, uint32_t dim, uint32_t block,
                          const Groups& all, uint32_t first, float* scores) {
    const uint32_t pairs = BlockDims(dim, block) / 2, begin = block * kCodeBlock / 2;
    for (uint32_t lane = 0; lane < kGroupTokens; lane += kWidth) {
      Sums sums[R][G];
#pragma GCC unroll 8
      for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (uint32_t g = 0; g < G; ++g) sums[r][g] = Sums::Zero();
      for (uint32_t k2 = begin; k2 < begin + pairs; ++k2) {
        const size_t offset = size_t{2} * k2 * kGroupTokens;
        Codes keys[G];
#pragma GCC unroll 8
        for (uint32_t g = 0; g < G; ++g) {
          if (kFetch && lane == 0 && offset % kLine == 0) {
            __builtin_prefetch(all.keys[first + G + g] + offset, 0, 2);
            __builtin_prefetch(all.values[first + g] + offset, 0, 2);
          }
          keys[g] = Codes::Load(all.keys[first + g] + offset + 2 * lane);
        }
#pragma GCC unroll 8
        for (uint32_t r = 0; r < R; ++r) {
          const Words query = Words::Load(queries.words[r] + 2 * k2);
#pragma GCC unroll 8
          for (uint32_t g = 0; g < G; ++g) sums[r][g] = MultiplyAdd(keys[g], query, sums[r][g]);
        }
      }
      const size_t scales = size_t{dim} * kGroupTokens + (block * kGroupTokens + lane) * 2;
#pragma GCC unroll 8
      for (uint32_t g = 0; g < G; ++g) {
        const V scale = V::Bf16s(all.keys[first + g] + scales);
        if (kFetch) __builtin_prefetch(all.keys[first + G + g] + scales, 0, 2);
        if (kFetch) __builtin_prefetch(all.values[first + g] + scales, 0, 2);
#pragma GCC unroll 8
        for (uint32_t r = 0; r < R; ++r) {
          float* to = scores + r * kSplitTokens + g * kGroupTokens + lane;
          const V factor = Mul(scale, V::Set(queries.d[r][block])), sum = sums[r][g].ToFloats();
          if constexpr (kFirst)
            Mul(sum, factor).Store(to);
          else
            Fma(sum, factor, V::Load(to)).Store(to);
        }
      }
    }
  }

  template <uint32_t R, uint32_t G, bool kFetch>
  static void AllScores(const Queries<R>& queries, uint32_t dim, const Groups& groups,
                        uint32_t first, uint32_t count, float* scores) {
    for (; first + G <= count; first += G) {
      float* to = scores + first * kGroupTokens;
      BlockScores<R, G, true, kFetch>(queries, dim, 0, groups, first, to);
      for (uint32_t b = 1; b < CodeBlocks(dim); ++b)
        BlockScores<R, G, false, kFetch>(queries, dim, b, groups, first, to);
    }
    if constexpr (G > 1) AllScores<R, G / 2, kFetch>(queries, dim, groups, first, count, scores);
  }

  // Weights of a row for the values of one block: float[16] from key j on, times the scales there.
  // Zero outside [begin, end), whatever lies there.
  static V Weight(const float* weights, const float* scales, uint32_t j, uint32_t lane,
                  uint32_t begin, uint32_t end) {
    const V product = Mul(V::Load(weights + j + lane), V::Load(scales + j + lane));
    if (j >= begin && j + kGroupTokens <= end) return product;
    float lanes[kWidth];
    product.Store(lanes);
    for (uint32_t i = 0; i < kWidth; ++i)
      if (j + lane + i < begin || j + lane + i >= end) lanes[i] = 0.0f;
    return V::Load(lanes);
  }

  // words[first, last) of one row and block, [begin, end) being its own; returns their scale.
  static float WeightWords(const float* weights, const float* scales, uint32_t begin, uint32_t end,
                           uint32_t first, uint32_t last, int16_t* words) {
    alignas(64) float products[kSplitTokens];
    const uint32_t own = begin / kGroupTokens * kGroupTokens;
    const uint32_t padded = (end + kGroupTokens - 1) / kGroupTokens * kGroupTokens;
    V top = V::Zero();
    for (uint32_t j = own; j < padded; j += kGroupTokens) {
      for (uint32_t lane = 0; lane < kGroupTokens; lane += kWidth) {
        const V product = Weight(weights, scales, j, lane, begin, end);
        product.Store(products + j + lane);
        top = MaxBits(top, product);
      }
    }
    const WordScale scale = WordScale::Of(Top(top));
    __builtin_memset(words + first, 0, (own - first) * sizeof(int16_t));
    for (uint32_t j = own; j < padded; j += kWidth)
      Mul(V::Load(products + j), V::Set(scale.inverse)).StoreWords(words + j);
    __builtin_memset(words + padded, 0, (last - padded) * sizeof(int16_t));
    return scale.d;
  }

  // out[R][D vectors] = words of keys [first, last), multiples of 16, with the codes at `offset` of
  // the pages; the block has `dims` elements. C sums side by side, so that none waits for the last.
  template <uint32_t R, uint32_t D>
  static void Values(const int16_t* words, const float* d, const uint8_t* const* pages,
                     size_t offset, uint32_t dims, uint32_t first, uint32_t last, uint32_t dim,
                     float* out) {
    constexpr uint32_t C = Fitting(R * D, 8);
    Sums sums[R][D][C];
#pragma GCC unroll 8
    for (uint32_t r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i)
#pragma GCC unroll 8
        for (uint32_t c = 0; c < C; ++c) sums[r][i][c] = Sums::Zero();
    for (uint32_t group = first; group < last; group += kGroupTokens) {
      const uint8_t* from = pages[group / kPageTokens] + offset + group % kPageTokens * dims;
      for (uint32_t j = group; j < group + kGroupTokens; j += 2 * C, from += 2 * C * dims) {
#pragma GCC unroll 8
        for (uint32_t c = 0; c < C; ++c) {
          Codes values[D];
#pragma GCC unroll 8
          for (uint32_t i = 0; i < D; ++i)
            values[i] = Codes::Load(from + 2 * (c * dims + i * kWidth));
#pragma GCC unroll 8
          for (uint32_t r = 0; r < R; ++r) {
            const Words weight = Words::Load(words + r * kSplitTokens + j + 2 * c);
#pragma GCC unroll 8
            for (uint32_t i = 0; i < D; ++i)
              sums[r][i][c] = MultiplyAdd(values[i], weight, sums[r][i][c]);
          }
        }
      }
    }
#pragma GCC unroll 8
    for (uint32_t r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (uint32_t i = 0; i < D; ++i) {
        Sums sum = sums[r][i][0];
#pragma GCC unroll 8
        for (uint32_t c = 1; c < C; ++c) sum = Plus(sum, sums[r][i][c]);
        Mul(sum.ToFloats(), V::Set(d[r])).Store(out + size_t{r} * dim + i * kWidth);
      }
    }
  }

  template <uint32_t R, uint32_t D>
  static void BlockValues(const int16_t* words, const float* d, const uint8_t* const* pages,
                          size_t offset, uint32_t dims, uint32_t at, uint32_t first, uint32_t last,
                          uint32_t dim, float* out) {
    for (; at + D * kWidth <= dims; at += D * kWidth)
      Values<R, D>(words, d, pages, offset + 2 * at, dims, first, last, dim, out + at);
    if constexpr (D > 1)
      BlockValues<R, D / 2>(words, d, pages, offset, dims, at, first, last, dim, out);
  }

  // out[R][dim] of the rows from `row` on, from their weights of keys [first, last).
  template <uint32_t R>
  static void AllValues(const AttentionArgs& args, uint32_t row, const float* weights,
                        uint32_t first, uint32_t last, float* out) {
    alignas(64) int16_t words[R * kSplitTokens];
    alignas(64) float scales[kSplitTokens];
    float d[R];
    for (uint32_t b = 0; b < CodeBlocks(args.dim); ++b) {
      const size_t of_block = size_t{args.dim} * kPageTokens + b * kPageTokens * 2;
      for (uint32_t j = first; j < last; j += kWidth)
        V::Bf16s(args.values[j / kPageTokens] + of_block + j % kPageTokens * 2).Store(scales + j);
      for (uint32_t r = 0; r < R; ++r)
        d[r] =
            WeightWords(weights + r * kSplitTokens, scales, args.begins ? args.begins[row + r] : 0,
                        args.counts[row + r], first, last, words + r * kSplitTokens);
      BlockValues<R, Fitting(R, kCodeBlock / kWidth)>(
          words, d, args.values, size_t{b} * kCodeBlock * kPageTokens, BlockDims(args.dim, b), 0,
          first, last, args.dim, out + b * kCodeBlock);
    }
  }

  template <uint32_t R>
  static void Block(const AttentionArgs& args, const Groups& groups, uint32_t row,
                    const AttentionState& state) {
    uint32_t begin = args.begins ? kSplitTokens : 0, end = 0;
    for (uint32_t r = row; r < row + R; ++r) {
      if (args.begins && args.begins[r] < begin) begin = args.begins[r];
      if (args.counts[r] > end) end = args.counts[r];
    }
    const uint32_t first = begin / kGroupTokens, count = (end + kGroupTokens - 1) / kGroupTokens;
    alignas(64) float scores[R * kSplitTokens];
    constexpr uint32_t kTogether = Fitting(R, 8);
    if (row == 0)  // Nobody has fetched these, while the queries' words are made.
      for (uint32_t g = first; g < first + kTogether; ++g)
        for (size_t at = 0; at < CacheBlockBytes(kCacheI8, args.dim) / 2; at += kLine)
          __builtin_prefetch(groups.keys[g] + at, 0, 2);
    Queries<R> queries;
    QueryWords<R>(args.queries + size_t{row} * args.dim, args.dim, queries);
    if (row == 0)
      AllScores<R, kTogether, true>(queries, args.dim, groups, first, count, scores);
    else
      AllScores<R, kTogether, false>(queries, args.dim, groups, first, count, scores);
    for (uint32_t r = 0; r < R; ++r) {
      float* own = scores + r * kSplitTokens;
      if (args.softcap != 0)
        Row::Cap(own + first * kGroupTokens, (count - first) * kGroupTokens, args.softcap);
      Row::Softmax(own, args.begins ? args.begins[row + r] : 0, args.counts[row + r],
                   state.maximum + row + r, state.sum + row + r);
    }
    AllValues<R>(args, row, scores, first * kGroupTokens, count * kGroupTokens,
                 state.out + size_t{row} * args.dim);
  }

  template <uint32_t R>
  static void Blocks(const AttentionArgs& args, const Groups& groups, uint32_t row,
                     const AttentionState& state) {
    for (; row + R <= args.rows; row += R) Block<R>(args, groups, row, state);
    if constexpr (R > 1) Blocks<R - 1>(args, groups, row, state);
  }

  static void Split(const AttentionArgs& args, const AttentionState& state) {
    Groups groups;
    const size_t group_bytes = CacheBlockBytes(kCacheI8, args.dim) / 2;
    for (uint32_t i = 0; i < Groups::kCount; ++i) {
      const uint32_t g = i < kSplitGroups ? i : kSplitGroups - 1;
      groups.keys[i] = args.keys[g / 2] + (g % 2) * group_bytes;
      groups.values[i] = args.values[g / 2] + (g % 2) * group_bytes;
    }
    Blocks<kRowsMax>(args, groups, 0, state);
  }
};

}  // namespace generic
}  // namespace ingle
