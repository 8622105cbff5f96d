#pragma once
// How products walk over tiles, bricks and tokens: the same for every instruction set.
//
// `Family` is a type of an unnamed namespace (so that nothing here is shared between objects
// compiled for different processors) that provides:
//   - for few tokens, kDirectTokens and Direct<T> (or neither): one tile, weights unpacked in
//     registers on their way from memory, anew for each kDirectTokens of at most kDirectMost (or
//     32) tokens;
//   - for some, those in MultiplyArgs::pairs, kPairTokens and AddPair<T> (or neither): a brick of
//     two tiles, its weights unpacked in registers for each kPairTokens tokens, which are loaded
//     once for both;
//   - for more, kPanelTokens, kPanelTiles, Panel, Unpack and AddPanel<T>: kPanelK columns (or a
//     brick's) of kPanelTiles tiles unpacked once into a panel in the first cache and multiplied
//     with the tokens of a chunk, kPanelTokens at a time;
//   - Activation and kBrickBytes: a token's activations and a tile's weights of as many columns.
// All do the same arithmetic: an output's float operations follow the order of its bricks.

#include <cstddef>
#include <cstdint>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle::generic {

// Which lines of the weights to fetch while others are multiplied: those at offset first, first +
// step, ... of what is `bytes` ahead.
struct Ahead {
  static constexpr size_t kLine = 64;
  size_t bytes, first, step;

  // GCC 12 takes a function that only prefetches for one without effect and drops calls to it:
  // inline it first. What is read once goes into the second cache: a core keeps more lines on their
  // way there than into the first.
  template <size_t kLength>
  [[gnu::always_inline]] void Prefetch(const void* at) const {
    const auto* from = static_cast<const char*>(at) + bytes;
    if (step == kLine) {
#pragma GCC unroll 16
      for (size_t line = 0; line < kLength; line += kLine) __builtin_prefetch(from + line, 0, 2);
    } else {
      for (size_t line = first; line < kLength; line += step) __builtin_prefetch(from + line);
    }
  }

  // An eighth of a brick of kBytes with each of its groups of 32 k: in one burst prefetches would
  // fill the miss buffers.
  template <size_t kBytes>
  [[gnu::always_inline]] void PrefetchEighth(const void* brick, uint32_t group) const {
    constexpr size_t kEighth = (kBytes + 8 * kLine - 1) / (8 * kLine) * kLine;  // Whole lines.
    Prefetch<kEighth>(static_cast<const char*>(brick) + group * kEighth);
  }
};

// The same for the bricks of two tiles, of which each block of tokens fetches a share.
struct PairAhead {
  const uint8_t* at[2];
  size_t lines;

  // The share of one of eight groups.
  [[gnu::always_inline]] void Prefetch(uint32_t group) const {
    for (size_t line = lines * group / 8; line < lines * (group + 1) / 8; ++line) {
      __builtin_prefetch(at[0] + line * Ahead::kLine);
      __builtin_prefetch(at[1] + line * Ahead::kLine);
    }
  }
};

// Sums of T tokens, a tile of each, to those rows that are real.
template <uint32_t T>
[[gnu::always_inline]] inline void DeliverTokens(const float* sums, float* out, size_t out_stride,
                                                 uint32_t rows) {
  for (uint32_t t = 0; t < T; ++t)
    for (uint32_t r = 0; r < rows; ++r) out[t * out_stride + r] = sums[t * kTileRows + r];
}

template <class Family>
struct TileDriver {
  static constexpr uint32_t kTokenChunk = 256;  // Bounds the accumulators' buffer.
  static constexpr bool kHasDirect = requires { Family::kDirectTokens; };
  static constexpr bool kHasPairs = requires { Family::kPairTokens; };
  // Up to so many tokens unpacking anew for each block of them is cheaper than a panel.
  static constexpr uint32_t kDirectLimit = [] {
    if constexpr (requires { Family::kDirectMost; }) return Family::kDirectMost;
    return uint32_t{32};
  }();
  // Columns of a panel.
  static constexpr uint32_t kPanelK = [] {
    if constexpr (requires { Family::kPanelK; }) return Family::kPanelK;
    return kBrickK;
  }();
  static_assert(!kHasPairs || kPanelK == kBrickK);
  static constexpr size_t kPrefetchBytes =
      8192;  // At least this far ahead: memory takes about 200 ns.
  static constexpr uint32_t kPanelRows = Family::kPanelTiles * kTileRows;

  static void Multiply(const MultiplyArgs& args) {
    const size_t tile_bytes = Family::TileBytes(args.cols);
    if constexpr (kHasPairs) {
      if (args.tokens >= args.pairs.least && args.tokens >= kPairLeast &&
          args.tokens <= args.pairs.most && args.tokens <= kPairMost) {
        for (uint32_t row = 0; row < args.rows; row += kPairRows) PairRows(args, tile_bytes, row);
        return;
      }
    }
    if constexpr (kHasDirect) {
      if (args.tokens <= kDirectLimit) {
        for (uint32_t row = 0; row < args.rows; row += kTileRows) DirectRows(args, tile_bytes, row);
        return;
      }
    }
    const uint32_t chunk = TokenChunk(args);
    for (uint32_t token = 0; token < args.tokens; token += chunk) {
      const uint32_t left = args.tokens - token;
      const uint32_t tokens = left < chunk ? left : chunk;
      for (uint32_t row = 0; row < args.rows; row += kPanelRows) {
        PanelRows(args, tile_bytes, row, token, tokens);
      }
    }
  }

 private:
  // How many tokens share a panel: as many as have their activations in the second cache, but
  // enough to pay for unpacking it; all chunks of about the same size.
  static uint32_t TokenChunk(const MultiplyArgs& args) {
    constexpr uint32_t kLeast = 24, kStep = 12;  // Whole blocks of 4 or 6.
    const size_t fit = kCachedActivationBytes / args.activation_stride / kStep * kStep;
    const uint32_t most = fit >= kTokenChunk ? kTokenChunk
                          : fit < kLeast     ? kLeast
                                             : static_cast<uint32_t>(fit);
    const uint32_t chunks = (args.tokens + most - 1) / most;
    const uint32_t even = ((args.tokens + chunks - 1) / chunks + kStep - 1) / kStep * kStep;
    return even < most ? even : most;
  }

  // One tile: from memory for the first block of tokens, from the cache for the others.
  static void DirectRows(const MultiplyArgs& args, size_t tile_bytes, uint32_t row) {
    const uint32_t left = args.rows - row;
    const uint32_t rows = left < kTileRows ? left : kTileRows;
    const uint8_t* tile = args.weights + row / kTileRows * tile_bytes;
    const uint32_t passes = (args.tokens + Family::kDirectTokens - 1) / Family::kDirectTokens;
    Ahead ahead = {kPrefetchBytes, 0, Ahead::kLine};
    if (passes > 1) ahead = {tile_bytes, 0, passes * Ahead::kLine};  // Each pass fetches its share.
    for (uint32_t t = 0, pass = 0; t < args.tokens; ++pass, ahead.first += Ahead::kLine) {
      const uint32_t left_passes = passes - pass;
      const uint32_t count = (args.tokens - t + left_passes - 1) / left_passes;
      SelectDirect<Family::kDirectTokens>(count, args, tile, t, row, rows, ahead);
      t += count;
    }
  }

  template <uint32_t kTokens>
  static void SelectDirect(uint32_t tokens, const MultiplyArgs& args, const uint8_t* tile,
                           uint32_t token, uint32_t row, uint32_t rows, const Ahead& ahead) {
    if constexpr (kTokens > 1) {
      if (tokens < kTokens) {
        return SelectDirect<kTokens - 1>(tokens, args, tile, token, row, rows, ahead);
      }
    }
    Family::template Direct<kTokens>(
        tile, args.cols, args.activations + token * args.activation_stride, args.activation_stride,
        args.out + token * args.out_stride + row, args.out_stride, rows, ahead);
  }

  static constexpr uint32_t kPairRows = 2 * kTileRows;
  static constexpr uint32_t kPairAhead = 6;  // Bricks.
  static constexpr uint32_t kPairMost = 64;  // Bounds the accumulators' buffer.

  static void PairRows(const MultiplyArgs& args, size_t tile_bytes, uint32_t row) {
    alignas(64) float sums[kPairMost * kPairRows];
    const uint32_t tokens = args.tokens, tile = row / kTileRows;
    // A second tile beyond the last row repeats the last; its sums are dropped.
    const uint8_t* first = args.weights + tile * tile_bytes;
    const uint8_t* second = row + kTileRows < args.rows ? first + tile_bytes : first;
    for (uint32_t i = 0; i < tokens * kPairRows; ++i) sums[i] = 0.0f;
    const uint32_t bricks = args.cols / kBrickK + (args.cols % kBrickK != 0);
    const uint32_t blocks = (tokens + Family::kPairTokens - 1) / Family::kPairTokens;
    const size_t lines = Family::kBrickBytes / Ahead::kLine / blocks + 1;
    for (uint32_t b = 0; b < bricks; ++b) {
      size_t next = (b + kPairAhead) * Family::kBrickBytes;
      if (next >= tile_bytes) next += tile_bytes;  // The next two tiles.
      PairAhead ahead = {{first + next, second + next}, lines};
      const uint8_t* activations = args.activations + b * sizeof(typename Family::Activation);
      for (uint32_t t = 0, left = blocks; t < tokens; --left) {
        const uint32_t count = (tokens - t + left - 1) / left;
        SelectPair<Family::kPairTokens>(count, first, second, args.cols, b,
                                        activations + t * args.activation_stride,
                                        args.activation_stride, sums + t * kPairRows, ahead);
        for (const uint8_t*& at : ahead.at) at += lines * Ahead::kLine;
        t += count;
      }
    }
    Deliver<kPairRows>(args, row, 0, tokens, sums);
  }

  // So many tokens or more, in blocks of about equal size, make no block of fewer.
  static constexpr uint32_t kPairLeast = 3;

  template <uint32_t kTokens, class... Args>
  static void SelectPair(uint32_t tokens, const Args&... args) {
    static_assert(Family::kPairTokens == 6);
    if constexpr (kTokens > kPairLeast) {
      if (tokens < kTokens) return SelectPair<kTokens - 1>(tokens, args...);
    }
    Family::template AddPair<kTokens>(args...);
  }

  // Sums of kRows rows of each token to where the caller wants those that are real.
  template <uint32_t kRows>
  static void Deliver(const MultiplyArgs& args, uint32_t row, uint32_t token, uint32_t tokens,
                      const float* sums) {
    const uint32_t rows = args.rows - row;
    float* out = args.out + token * args.out_stride + row;
    for (uint32_t t = 0; t < tokens; ++t, out += args.out_stride, sums += kRows) {
      if (rows >= kRows)
        __builtin_memcpy(out, sums, kRows * sizeof(float));
      else
        for (uint32_t r = 0; r < rows; ++r) out[r] = sums[r];
    }
  }

  static void PanelRows(const MultiplyArgs& args, size_t tile_bytes, uint32_t row, uint32_t token,
                        uint32_t tokens) {
    alignas(64) float sums[kTokenChunk * kPanelRows];
    alignas(64) typename Family::Panel panel;
    const uint8_t* tiles[Family::kPanelTiles];
    for (uint32_t i = 0; i < Family::kPanelTiles; ++i) {
      // A panel's tiles beyond the last row repeat the last; their sums are dropped.
      const uint32_t tile = row / kTileRows + i, last = (args.rows - 1) / kTileRows;
      tiles[i] = args.weights + (tile < last ? tile : last) * tile_bytes;
    }
    const uint8_t* activations = args.activations + token * args.activation_stride;
    for (uint32_t i = 0; i < tokens * kPanelRows; ++i) sums[i] = 0.0f;
    const uint32_t bricks = args.cols / kPanelK + (args.cols % kPanelK != 0);
    for (uint32_t b = 0; b < bricks; ++b) {
      Family::Unpack(tiles, args.cols, b, panel);
      constexpr size_t kBrick = Family::kBrickBytes;
      size_t next = b * kBrick + (kBrick > kPrefetchBytes ? kBrick : kPrefetchBytes);
      if (next >= tile_bytes) next += (Family::kPanelTiles - 1) * tile_bytes;
      AddTokens(panel, activations + b * sizeof(typename Family::Activation),
                args.activation_stride, tokens, sums, tiles, next);
    }
    Deliver<kPanelRows>(args, row, token, tokens, sums);
  }

  // Blocks of about equal numbers of tokens: 8 are 4 + 4, not 6 + 2. Meanwhile the bricks `next`
  // bytes into the tiles come from memory, a share with each block.
  static void AddTokens(const typename Family::Panel& panel, const uint8_t* activations,
                        size_t stride, uint32_t tokens, float* sums,
                        const uint8_t* const (&tiles)[Family::kPanelTiles], size_t next) {
    uint32_t blocks = (tokens + Family::kPanelTokens - 1) / Family::kPanelTokens;
    const size_t share = (Family::kBrickBytes / 64 / blocks + 1) * 64;
    size_t ahead = next;
    for (uint32_t t = 0; t < tokens; --blocks) {
      for (size_t end = ahead + share; ahead < end; ahead += 64) {
        for (const uint8_t* tile : tiles) __builtin_prefetch(tile + ahead, 0, 2);
      }
      const uint32_t count = (tokens - t + blocks - 1) / blocks;
      SelectPanel<Family::kPanelTokens>(count, panel, activations + t * stride, stride,
                                        sums + t * kPanelRows);
      t += count;
    }
  }

  template <uint32_t kTokens>
  static void SelectPanel(uint32_t tokens, const typename Family::Panel& panel,
                          const uint8_t* activations, size_t stride, float* sums) {
    if constexpr (kTokens > 1) {
      if (tokens < kTokens) {
        return SelectPanel<kTokens - 1>(tokens, panel, activations, stride, sums);
      }
    }
    Family::template AddPanel<kTokens>(panel, activations, stride, sums);
  }
};

}  // namespace ingle::generic
