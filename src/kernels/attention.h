#pragma once
// Attention of some query rows to one split: up to 256 consecutive keys, aligned to absolute
// positions. A row's result depends on its query and its own keys only, not on the other rows of
// the tile: a row of a prompt of 512 tokens and the same row in a step of one token have the same
// bits. Splits are merged in ascending order, always.

#include <cstddef>
#include <cstdint>

namespace ingle {

inline constexpr uint32_t kPageTokens = 32;    // Keys per page of the cache.
inline constexpr uint32_t kSplitTokens = 256;  // Keys per split: 8 pages.
inline constexpr uint32_t kSplitPages = kSplitTokens / kPageTokens;
inline constexpr uint32_t kHeadDimStep = 16;  // Heads are padded with zeros to a multiple of this.

// Element types of the cache; index of AttentionKernels::split.
//   kCacheBf16: keys   [2 groups of 16 tokens][dim / 2][16 tokens][2 elements of the head]
//               values [16 pairs of tokens][dim][2 tokens]
//   kCacheF32:  keys   [2 groups of 16 tokens][dim][16 tokens]
//               values [32 tokens][dim]
enum CacheFormat : uint8_t { kCacheBf16, kCacheF32, kCacheFormats };

// Running softmax of some rows: out / sum is the weighted mean of the values seen so far.
struct AttentionState {
  float* maximum;  // [rows]
  float* sum;      // [rows]
  float* out;      // [rows][dim]
};

struct AttentionArgs {
  const float* queries;  // [rows][dim], already scaled by 1 / sqrt(head_dim).
  uint32_t rows;
  uint32_t dim;  // Multiple of kHeadDimStep.
  // Pages of this split, for one layer and one key-value head; as many as the largest count needs.
  const uint8_t* keys[kSplitPages];
  const uint8_t* values[kSplitPages];
  const uint32_t* counts;  // [rows]: where the keys that the row sees in this split end, 1 to 256.
  const uint32_t* begins;  // [rows]: where they begin, less than counts; null: all at 0.
  float softcap;           // Scores become softcap * tanh(score / softcap); 0: they stay.
};

struct AttentionKernels {
  // score(j) = (sum over even k) + (sum over odd k) of key(j, k) * query(k), each an FMA chain in
  // order of k from zero; p(j) = exp(score(j) - maximum); out(d) = FMA chain of p(j) * value(j, d)
  // in order of j, from the even j at or before the row's first one, where p is 0 if that is odd.
  void (*split[kCacheFormats])(const AttentionArgs& args, const AttentionState& state);
  // Adds the state of the next split to that of all before it.
  void (*merge)(const AttentionState& next, const AttentionState& all, uint32_t rows, uint32_t dim);
  // out *= 1 / sum
  void (*finish)(const AttentionState& all, uint32_t rows, uint32_t dim);
};

}  // namespace ingle
