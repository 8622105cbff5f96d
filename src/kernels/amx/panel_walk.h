#pragma once
// How products with tile registers walk over rows, columns and tokens.
//
// `Family`, a type of an unnamed namespace, provides
//   - kWeight and Below: the table whose function takes fewer tokens than a tile has rows;
//   - Shapes(): of the tile registers;
//   - kPanelActivationBytes, of a token at a panel's columns, and how many of these it reads;
//   - kPanelK, Panel, Unpack: kPanelK columns of one or two tiles of weights, unpacked once into
//   the
//     first cache and multiplied with all tokens;
//   - AddPanel: adds the products of a panel with every slot, and calls Pass::Prefetch for each.
// A slot is 16 consecutive tokens: a tile of activations. The last slot ends at the last token and
// may overlap the one before; both compute the same bits, and what is new of it is written.
//
// The activations of 320 tokens and 8960 columns are 5.7 MB in bf16, which a second cache does not
// hold: each two tiles of rows would have them from the third again, at twice the bytes a cycle
// that gives. So the columns are cut into blocks whose activations the second cache does hold, and
// some tiles of rows go through a block before the next one begins; their sums wait in memory.

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/amx/tile_registers.h"
#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {
namespace {

inline constexpr uint32_t kSlotTokens = 16, kPanelTiles = 2;
// Bounds the sums of a pass: they and a panel fit into caches.
inline constexpr uint32_t kPassSlots = 20, kPassTokens = kPassSlots * kSlotTokens;

inline constexpr uint32_t kTogetherPairs = 4;  // Of tiles, that share a block of columns.

// Of 16 tokens with 16 rows of weights.
struct alignas(64) SlotSums {
  float v[kSlotTokens][kTileRows];
};

// A pass over the weights: these slots of tokens with one or two tiles of rows.
struct Pass {
  const uint8_t*
      activations[kPassSlots];  // Of the first token of each slot, at the panel's columns.
  size_t stride;                // Between tokens.
  uint32_t slots, tiles;
  SlotSums (*sums)[kPanelTiles];     // [slots]
  const uint8_t* next[kPanelTiles];  // The next panel's weights,
  size_t next_bytes;                 // in each tile.

  // The next panel comes from memory while this one is multiplied, a share with each slot: in one
  // burst prefetches would fill the miss buffers.
  void Prefetch(uint32_t slot) const {
    const size_t lines = (next_bytes + 63) / 64;
    for (size_t line = lines * slot / slots; line < lines * (slot + 1) / slots; ++line) {
      for (uint32_t i = 0; i < tiles; ++i) __builtin_prefetch(next[i] + line * 64, 0, 2);
    }
  }
};

template <class Family>
struct PanelWalk {
  static void Multiply(const MultiplyArgs& args) {
    if (args.tokens < kSlotTokens) return Family::Below().multiply[Family::kWeight](args);
    const TileShapes shapes = Family::Shapes();
    const TilesInUse in_use(shapes);
    const uint32_t passes = (args.tokens + kPassTokens - 1) / kPassTokens;
    const uint32_t slots = (args.tokens + passes * kSlotTokens - 1) / (passes * kSlotTokens);
    for (uint32_t token = 0; token < args.tokens; token += slots * kSlotTokens) {
      const uint32_t left = args.tokens - token;
      const uint32_t end = token + (left < slots * kSlotTokens ? left : slots * kSlotTokens);
      const uint32_t block = PanelsOfBlock(slots), panels = Panels(args);
      const uint32_t together = (block < panels ? kTogetherPairs : 1) * kPairRows;
      for (uint32_t row = 0; row < args.rows; row += together) {
        const uint32_t rows_left = args.rows - row;
        Rows(args, row, rows_left < together ? rows_left : together, token, end, block);
      }
    }
  }

 private:
  static constexpr uint32_t kPairRows = kPanelTiles * kTileRows;
  using PairSums = SlotSums[kPassSlots][kPanelTiles];

  static uint32_t FirstToken(uint32_t slot, uint32_t begin, uint32_t end) {
    const uint32_t first = begin + slot * kSlotTokens;
    return first + kSlotTokens <= end ? first : end - kSlotTokens;
  }

  static uint32_t Panels(const MultiplyArgs& args) {
    return (args.cols + Family::kPanelK - 1) / Family::kPanelK;
  }

  // Panels of a block of columns, whose activations the second cache holds.
  static uint32_t PanelsOfBlock(uint32_t slots) {
    const size_t bytes = size_t{slots} * kSlotTokens * Family::kPanelActivationBytesRead;
    const size_t panels = kCachedActivationBytes / bytes;
    return panels == 0 ? 1 : static_cast<uint32_t>(panels);
  }

  // Up to kTogetherPairs pairs of tiles.
  static void Rows(const MultiplyArgs& args, uint32_t row, uint32_t rows, uint32_t begin,
                   uint32_t end, uint32_t block) {
    alignas(64) PairSums sums[kTogetherPairs];
    const uint32_t slots = (end - begin + kSlotTokens - 1) / kSlotTokens;
    const uint32_t panels = Panels(args), pairs = (rows + kPairRows - 1) / kPairRows;
    for (uint32_t i = 0; i < pairs; ++i) __builtin_memset(sums[i], 0, slots * sizeof(sums[i][0]));
    for (uint32_t first = 0; first < panels; first += block) {
      const uint32_t last = panels - first < block ? panels : first + block;
      for (uint32_t i = 0; i < pairs; ++i) {
        // What follows: the next pair at this block, the first one at the next, or the next rows.
        const bool turns = i + 1 == pairs && last < panels;
        const uint32_t next_row = turns ? row : row + (i + 1) * kPairRows;
        const uint32_t next_panel = i + 1 < pairs ? first : last % panels;
        AddBlock(args, row + i * kPairRows, begin, end, first, last, next_row, next_panel, sums[i]);
      }
    }
    for (uint32_t i = 0; i < pairs; ++i) {
      const uint32_t at = row + i * kPairRows;
      for (uint32_t tile = 0; tile < Tiles(args, at); ++tile)
        WriteTile(args, at + tile * kTileRows, begin, end, tile, sums[i]);
    }
  }

  static uint32_t Tiles(const MultiplyArgs& args, uint32_t row) {
    return row + kTileRows < args.rows ? kPanelTiles : 1;
  }

  // Panels [first, last) of a pair of tiles; meanwhile what is multiplied next comes from memory.
  static void AddBlock(const MultiplyArgs& args, uint32_t row, uint32_t begin, uint32_t end,
                       uint32_t first, uint32_t last, uint32_t next_row, uint32_t next_panel,
                       PairSums& sums) {
    alignas(64) typename Family::Panel panel;
    Pass pass = {.activations = {},
                 .stride = args.activation_stride,
                 .slots = (end - begin + kSlotTokens - 1) / kSlotTokens,
                 .tiles = Tiles(args, row),
                 .sums = sums,
                 .next = {},
                 .next_bytes = Family::kPanelWeightBytes};
    for (uint32_t slot = 0; slot < pass.slots; ++slot) {
      pass.activations[slot] = args.activations +
                               FirstToken(slot, begin, end) * args.activation_stride +
                               first * Family::kPanelActivationBytes;
    }
    const size_t tile_bytes = Family::TileBytes(args.cols);
    const uint8_t* tiles[kPanelTiles];
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
      tiles[i] = args.weights + (row / kTileRows + (i < pass.tiles ? i : 0)) * tile_bytes;
    }
    for (uint32_t p = first; p < last; ++p) {
      Family::Unpack(tiles, pass.tiles, args.cols, p, panel);
      for (uint32_t i = 0; i < kPanelTiles; ++i) {
        pass.next[i] = p + 1 < last ? tiles[i] + (p + 1) * Family::kPanelWeightBytes
                                    : args.weights + (next_row / kTileRows + i) * tile_bytes +
                                          next_panel * Family::kPanelWeightBytes;
      }
      Family::AddPanel(panel, pass);
      for (uint32_t slot = 0; slot < pass.slots; ++slot) {
        pass.activations[slot] += Family::kPanelActivationBytes;
      }
    }
  }

  static void WriteTile(const MultiplyArgs& args, uint32_t row, uint32_t begin, uint32_t end,
                        uint32_t tile, const SlotSums (*sums)[kPanelTiles]) {
    const uint32_t left = args.rows - row;
    const auto mask = static_cast<__mmask16>((1u << (left < kTileRows ? left : kTileRows)) - 1);
    for (uint32_t slot = 0, token = begin; token < end; ++slot) {
      const uint32_t first = FirstToken(slot, begin, end);
      for (; token < first + kSlotTokens; ++token) {
        const __m512 values = _mm512_load_ps(sums[slot][tile].v[token - first]);
        _mm512_mask_storeu_ps(args.out + token * args.out_stride + row, mask, values);
      }
    }
  }
};

}  // namespace
}  // namespace ingle
