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
inline constexpr uint32_t kAttentionDimMax = 1024;

// Element types of the cache; index of AttentionKernels::split.
//   kCacheBf16: keys   [2 groups of 16 tokens][dim / 2][16 tokens][2 elements of the head]
//               values [16 pairs of tokens][dim][2 tokens]
//   kCacheF32:  keys   [2 groups of 16 tokens][dim][16 tokens]
//               values [32 tokens][dim]
//   kCacheI8:   int8 codes in blocks of 32 elements of a head (the last may have 16), each block of
//               each token with a scale as bf16 (see cache_codes.h):
//               keys   [2 groups of 16 tokens] of codes [dim / 2][16 tokens][2 elements],
//                      then scales [blocks][16 tokens]
//               values codes [blocks][16 pairs of tokens][block's elements][2 tokens],
//                      then scales [blocks][32 tokens]
enum CacheFormat : uint8_t { kCacheBf16, kCacheF32, kCacheI8, kCacheFormats };
inline constexpr const char* kCacheFormatNames[kCacheFormats] = {"bf16", "f32", "i8"};

inline constexpr uint32_t kCodeBlock = 32;

static constexpr uint32_t CodeBlocks(uint32_t dim) { return (dim + kCodeBlock - 1) / kCodeBlock; }

// Bytes of the keys, or of the values, of one page and head.
static constexpr size_t CacheBlockBytes(CacheFormat format, uint32_t dim) {
  if (format == kCacheI8) return size_t{kPageTokens} * (dim + CodeBlocks(dim) * sizeof(uint16_t));
  return size_t{kPageTokens} * dim * (format == kCacheBf16 ? 2 : 4);
}

// Running softmax of some rows: out / sum is the weighted mean of the values seen so far.
struct AttentionState {
  float* maximum;  // [rows]
  float* sum;      // [rows]
  float* out;      // [rows][dim]
};

struct AttentionArgs {
  const float* queries;  // [rows][dim], already scaled by 1 / sqrt(head_dim).
  uint32_t rows;
  uint32_t dim;  // Multiple of kHeadDimStep, at most kAttentionDimMax.
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
  // kCacheI8: a block of a query is int16 words = x * 32767 / max, to nearest even, times d = max /
  // 32767; score(j) = FMA chain, over blocks from zero, of float(sum of words * codes) * (scale(j)
  // * d). So are the products p(j) * scale(j) of a split and block of values, and out = float(sum
  // of words * codes) * d.
  void (*split[kCacheFormats])(const AttentionArgs& args, const AttentionState& state);
  // Adds the state of the next split to that of all before it.
  void (*merge)(const AttentionState& next, const AttentionState& all, uint32_t rows, uint32_t dim);
  // out *= 1 / sum
  void (*finish)(const AttentionState& all, uint32_t rows, uint32_t dim);
};

}  // namespace ingle
