#pragma once
// How products with tile registers walk over rows, columns and tokens.
//
// `Family`, a type of an unnamed namespace, provides
//   - kWeight and Below: the table whose function takes fewer tokens than a tile has rows;
//   - Shapes(): of the tile registers;
//   - kPanelK, Panel, Unpack: kPanelK columns of one or two tiles of weights, unpacked once into
//   the
//     first cache and multiplied with all tokens;
//   - AddPanel: adds the products of a panel with every slot, and calls Pass::Prefetch for each.
// A slot is 16 consecutive tokens: a tile of activations. The last slot ends at the last token and
// may overlap the one before; both compute the same bits, and what is new of it is written.

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
      for (uint32_t row = 0; row < args.rows; row += kPanelTiles * kTileRows) {
        Rows(args, row, token, end);
      }
    }
  }

 private:
  static uint32_t FirstToken(uint32_t slot, uint32_t begin, uint32_t end) {
    const uint32_t first = begin + slot * kSlotTokens;
    return first + kSlotTokens <= end ? first : end - kSlotTokens;
  }

  static void Rows(const MultiplyArgs& args, uint32_t row, uint32_t begin, uint32_t end) {
    alignas(64) SlotSums sums[kPassSlots][kPanelTiles];
    alignas(64) typename Family::Panel panel;
    Pass pass = {.activations = {},
                 .stride = args.activation_stride,
                 .slots = (end - begin + kSlotTokens - 1) / kSlotTokens,
                 .tiles = row + kTileRows < args.rows ? kPanelTiles : 1,
                 .sums = sums,
                 .next = {},
                 .next_bytes = Family::kPanelWeightBytes};
    for (uint32_t slot = 0; slot < pass.slots; ++slot) {
      pass.activations[slot] =
          args.activations + FirstToken(slot, begin, end) * args.activation_stride;
    }
    __builtin_memset(sums, 0, pass.slots * sizeof(sums[0]));
    const size_t tile_bytes = Family::TileBytes(args.cols);
    const uint8_t* tiles[kPanelTiles];
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
      tiles[i] = args.weights + (row / kTileRows + (i < pass.tiles ? i : 0)) * tile_bytes;
    }
    const uint32_t panels = (args.cols + Family::kPanelK - 1) / Family::kPanelK;
    for (uint32_t p = 0; p < panels; ++p) {
      Family::Unpack(tiles, pass.tiles, args.cols, p, panel);
      const size_t next =
          p + 1 < panels ? (p + 1) * Family::kPanelWeightBytes : kPanelTiles * tile_bytes;
      for (uint32_t i = 0; i < kPanelTiles; ++i) pass.next[i] = tiles[i] + next;
      Family::AddPanel(panel, pass);
      for (uint32_t slot = 0; slot < pass.slots; ++slot) {
        pass.activations[slot] += Family::kPanelActivationBytes;
      }
    }
    for (uint32_t i = 0; i < pass.tiles; ++i) {
      WriteTile(args, row + i * kTileRows, begin, end, i, sums);
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
