#pragma once
// How the integer products walk over tiles, bricks and tokens: the same for every instruction set.
// `Family` is a type of an unnamed namespace (so that nothing here is shared between objects
// compiled for different processors) with
//   kDirectTokens, Direct<T>   few tokens: one tile, weights unpacked in registers on their way
//   from memory; kPanelTokens, kPanelTiles, Panel, Unpack, AddPanel<T>
//                              more: a brick of kPanelTiles tiles unpacked once into a panel in the
//                              first cache and multiplied with all tokens, kPanelTokens at a time.
// Both do the same arithmetic; an output's float operations follow the order of its bricks either
// way.

#include <cstddef>
#include <cstdint>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle::generic {

template <class Family>
struct IntegerDriver {
  static constexpr uint32_t kTokenChunk = 256;  // Bounds the accumulators' buffer.
  static constexpr uint32_t kPanelRows = Family::kPanelTiles * kTileRows;

  static void Multiply(const MultiplyArgs& args) {
    const size_t tile_bytes = Family::TileBytes(args.cols);
    if (args.tokens <= Family::kDirectTokens) {
      SelectDirect<Family::kDirectTokens>(args, tile_bytes);
      return;
    }
    for (uint32_t token = 0; token < args.tokens; token += kTokenChunk) {
      const uint32_t left = args.tokens - token;
      const uint32_t tokens = left < kTokenChunk ? left : kTokenChunk;
      for (uint32_t row = 0; row < args.rows; row += kPanelRows) {
        PanelRows(args, tile_bytes, row, token, tokens);
      }
    }
  }

 private:
  template <uint32_t kTokens>
  static void SelectDirect(const MultiplyArgs& args, size_t tile_bytes) {
    if constexpr (kTokens > 1) {
      if (args.tokens < kTokens) return SelectDirect<kTokens - 1>(args, tile_bytes);
    }
    for (uint32_t row = 0; row < args.rows; row += kTileRows) {
      const uint32_t left = args.rows - row;
      Family::template Direct<kTokens>(args.weights + row / kTileRows * tile_bytes, args.cols,
                                       args.activations, args.activation_stride, args.out + row,
                                       args.out_stride, left < kTileRows ? left : kTileRows);
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
    const uint32_t bricks = args.cols / kBrickK + (args.cols % kBrickK != 0);
    for (uint32_t b = 0; b < bricks; ++b) {
      Family::Unpack(tiles, args.cols, b, panel);
      AddTokens(panel, activations + b * sizeof(typename Family::Activation),
                args.activation_stride, tokens, sums);
    }
    const uint32_t left = args.rows - row;
    const uint32_t rows = left < kPanelRows ? left : kPanelRows;
    for (uint32_t t = 0; t < tokens; ++t) {
      float* out = args.out + (token + t) * args.out_stride + row;
      for (uint32_t r = 0; r < rows; ++r) out[r] = sums[t * kPanelRows + r];
    }
  }

  // Blocks of about equal numbers of tokens: 8 are 4 + 4, not 6 + 2.
  static void AddTokens(const typename Family::Panel& panel, const uint8_t* activations,
                        size_t stride, uint32_t tokens, float* sums) {
    uint32_t blocks = (tokens + Family::kPanelTokens - 1) / Family::kPanelTokens;
    for (uint32_t t = 0; t < tokens; --blocks) {
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
