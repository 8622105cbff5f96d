#pragma once
// How products with tile registers walk over rows, columns and tokens.
//
// `Family`, a type of an unnamed namespace, provides
//   - kWeight and Below: the table whose function takes fewer tokens than a tile has rows;
//   - Shapes(): of the tile registers;
//   - kPanelK, Panel, Unpack: kPanelK columns of two tiles of weights, unpacked once into the first
//     cache and multiplied with all tokens;
//   - AddPanel: adds the products of a panel with every slot.
// A slot is 16 consecutive tokens: a tile of activations. The last slot ends at the last token and
// may overlap the one before; both compute the same bits, and what is new of it is written.

#include <cstddef>
#include <cstdint>

#include "kernels/amx/tile_registers.h"
#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {
namespace {

inline constexpr uint32_t kSlotTokens = 16, kPanelTiles = 2;
inline constexpr uint32_t kPassTokens = 256;  // Bounds the sums: they and a panel fit into caches.
inline constexpr uint32_t kPassSlots = kPassTokens / kSlotTokens;

// Of 16 tokens with 16 rows of weights.
struct alignas(64) SlotSums {
  float v[kSlotTokens][kTileRows];
};

// A pass over the weights: these slots of tokens with two tiles of rows.
struct Pass {
  const uint8_t*
      activations[kPassSlots];  // Of the first token of each slot, at the panel's columns.
  size_t stride;                // Between tokens.
  uint32_t slots;
  SlotSums (*sums)[kPanelTiles];  // [slots]
};

template <class Family>
struct PanelWalk {
  static void Multiply(const MultiplyArgs& args) {
    if (args.tokens < kSlotTokens) return Family::Below().multiply[Family::kWeight](args);
    const TileShapes shapes = Family::Shapes();
    const TilesInUse in_use(shapes);
    const size_t tile_bytes = Family::TileBytes(args.cols);
    for (uint32_t token = 0; token < args.tokens; token += kPassTokens) {
      const uint32_t left = args.tokens - token;
      const uint32_t end = token + (left < kPassTokens ? left : kPassTokens);
      for (uint32_t row = 0; row < args.rows; row += kPanelTiles * kTileRows) {
        Rows(args, tile_bytes, row, token, end);
      }
    }
  }

 private:
  static uint32_t FirstToken(uint32_t slot, uint32_t begin, uint32_t end) {
    const uint32_t first = begin + slot * kSlotTokens;
    return first + kSlotTokens <= end ? first : end - kSlotTokens;
  }

  static void Rows(const MultiplyArgs& args, size_t tile_bytes, uint32_t row, uint32_t begin,
                   uint32_t end) {
    alignas(64) SlotSums sums[kPassSlots][kPanelTiles];
    alignas(64) typename Family::Panel panel;
    Pass pass = {.activations = {},
                 .stride = args.activation_stride,
                 .slots = (end - begin + kSlotTokens - 1) / kSlotTokens,
                 .sums = sums};
    for (uint32_t slot = 0; slot < pass.slots; ++slot) {
      pass.activations[slot] =
          args.activations + FirstToken(slot, begin, end) * args.activation_stride;
    }
    __builtin_memset(sums, 0, pass.slots * sizeof(sums[0]));
    const uint8_t* tiles[kPanelTiles];
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
      // A tile beyond the last row repeats the last; its sums are dropped.
      const uint32_t tile = row / kTileRows + i, last = (args.rows - 1) / kTileRows;
      tiles[i] = args.weights + (tile < last ? tile : last) * tile_bytes;
    }
    const uint32_t panels = (args.cols + Family::kPanelK - 1) / Family::kPanelK;
    for (uint32_t p = 0; p < panels; ++p) {
      Family::Unpack(tiles, args.cols, p, panel);
      Prefetch(tiles, tile_bytes, p + 1);
      Family::AddPanel(panel, pass);
      for (uint32_t slot = 0; slot < pass.slots; ++slot) {
        pass.activations[slot] += Family::kPanelActivationBytes;
      }
    }
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
      WriteTile(args, row + i * kTileRows, begin, end, i, sums);
    }
  }

  // The next panel's weights come from memory while this one is multiplied.
  static void Prefetch(const uint8_t* const (&tiles)[kPanelTiles], size_t tile_bytes,
                       uint32_t panel) {
    size_t from = panel * Family::kPanelWeightBytes;
    if (from >= tile_bytes) from += (kPanelTiles - 1) * tile_bytes;
    for (const uint8_t* tile : tiles) {
      for (size_t line = 0; line < Family::kPanelWeightBytes; line += 64) {
        __builtin_prefetch(tile + from + line, 0, 2);
      }
    }
  }

  static void WriteTile(const MultiplyArgs& args, uint32_t row, uint32_t begin, uint32_t end,
                        uint32_t tile, const SlotSums (*sums)[kPanelTiles]) {
    if (row >= args.rows) return;
    const uint32_t left = args.rows - row, rows = left < kTileRows ? left : kTileRows;
    for (uint32_t token = begin; token < end; ++token) {
      const uint32_t slot = (token - begin) / kSlotTokens;
      const float* from = sums[slot][tile].v[token - FirstToken(slot, begin, end)];
      float* to = args.out + token * args.out_stride + row;
      for (uint32_t r = 0; r < rows; ++r) to[r] = from[r];
    }
  }
};

}  // namespace
}  // namespace ingle
