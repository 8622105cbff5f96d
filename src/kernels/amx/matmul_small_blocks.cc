// Products of Q8_0, Q4_*, Q5_* and codebook weights with tile registers: a group of 32 columns is
// half a tile deep, and its sums are rescaled on their own.
#include <immintrin.h>

#include "kernels/amx/panel_walk.h"
#include "kernels/amx/tile_registers.h"
#include "kernels/avx512vnni/unpack.h"

namespace ingle {

extern const MatmulKernels kAmxSmallBlocks, kAvx512VnniSmallBlocks;

namespace {

struct alignas(64) SmallPanel {
  int8_t w[2][8][8][64];  // [tile][group][quad][row, k of the quad]; codes less their zero
  float d[2][8][16], m[2][8][16];
  uint32_t groups;
};

// Of 16 tokens with 16 rows, each group of columns by itself.
// Two lie half of 4 KiB apart: stores to one and loads of the other must not look alike in their
// low 12 bits (the load would wait for the store).
struct alignas(64) GroupSums {
  int32_t v[8][kSlotTokens][kTileRows];
  uint8_t padding[2048];
};

template <SmallBlockType kType, WeightType kWeightOfType>
struct SmallBlocks {
  static constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  static constexpr uint32_t kPanelK = kBrickK;
  static constexpr size_t kPanelWeightBytes = SmallBrickBytes(kLayout, 8);
  static constexpr size_t kPanelActivationBytes = sizeof(ActivationQ8x32);
  static constexpr size_t kPanelActivationBytesRead = kPanelActivationBytes;
  static constexpr WeightType kWeight = kWeightOfType;
  static const MatmulKernels& Below() { return kAvx512VnniSmallBlocks; }
  using Panel = SmallPanel;

  static size_t TileBytes(uint32_t cols) { return SmallTileBytes(kLayout, cols); }

  // Tiles 0, 1: sums; 2, 3: 16 tokens x 32 k; 4, 5: 8 quads x 16 rows.
  static TileShapes Shapes() {
    TileShapes shapes;
    for (uint32_t i = 0; i < 6; ++i) {
      shapes.row_bytes[i] = i == 2 || i == 3 ? 32 : 64;
      shapes.rows[i] = i < 4 ? 16 : 8;
    }
    return shapes;
  }

  static void Unpack(const uint8_t* const (&tiles)[kPanelTiles], uint32_t count, uint32_t cols,
                     uint32_t index, Panel& panel) {
    const uint32_t left = cols / kGroupK - index * 8, groups = left < 8 ? left : 8;
    const __m512i zero = _mm512_set1_epi8(static_cast<char>(kLayout.zero));
    panel.groups = groups;
    for (uint32_t i = 0; i < count; ++i) {
      const uint8_t* brick = tiles[i] + index * kPanelWeightBytes;
      for (uint32_t g = 0; g < groups; ++g) {
        const uint8_t* high = brick + HighOffset(kLayout, groups) + g * 64;
        const Quads quads = GroupOf<kType>(brick + g * CodeBytes(kLayout), high);
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q) {
          _mm512_store_si512(panel.w[i][g][q], _mm512_sub_epi8(quads.q[q], zero));
        }
        _mm512_store_ps(panel.d[i][g], ScalesOf<kType>(brick + ScaleOffset(kLayout, groups), g));
        if constexpr (kLayout.has_min) {
          _mm512_store_ps(panel.m[i][g], Half(brick + MinOffset(kLayout, groups) + g * 32));
        }
      }
    }
  }

  // kTurn: which tile registers, so that one group's products need not wait for the other's.
  template <int kTurn>
  [[gnu::always_inline]] static void Products(const Panel& panel, uint32_t tile, uint32_t group,
                                              const uint8_t* activations, size_t stride,
                                              GroupSums& sums) {
    ZeroTile<kTurn>();
    LoadTile<4 + kTurn>(panel.w[tile][group], 64);
    LoadTile<2 + kTurn>(activations + group * kGroupK, stride);
    AddProductsInt8<kTurn, 2 + kTurn, 4 + kTurn>();
    StoreTile<kTurn>(sums.v[group], 64);
  }

  // The float operations of kernels/README.md for 16 tokens of one group.
  [[gnu::always_inline]] static void Rescale(const Panel& panel, uint32_t tile, uint32_t group,
                                             const uint8_t* activations, size_t stride,
                                             const GroupSums& sums, __m512 (&acc)[kSlotTokens]) {
    const __m512 d = _mm512_load_ps(panel.d[tile][group]);
#pragma GCC unroll 16
    for (uint32_t t = 0; t < kSlotTokens; ++t) {
      const auto& a = *reinterpret_cast<const ActivationQ8x32*>(activations + t * stride);
      const __m512 d_a = _mm512_set1_ps(a.d[group]);
      const __m512 sum = _mm512_cvtepi32_ps(Load(sums.v[group][t]));
      acc[t] = _mm512_fmadd_ps(_mm512_mul_ps(d, d_a), sum, acc[t]);
      if constexpr (kLayout.has_min) {
        const __m512 m = _mm512_load_ps(panel.m[tile][group]);
        const float q_sum = static_cast<float>(a.minus_8_sums[group]) * -0.125f;
        acc[t] = _mm512_fmadd_ps(_mm512_mul_ps(m, d_a), _mm512_set1_ps(q_sum), acc[t]);
      }
    }
  }

  // A slot with a tile of weights.
  struct Unit {
    const uint8_t* activations;
    uint32_t slot, tile;
  };

  // Multiplies `next` and meanwhile rescales `last`; either may be null.
  static void Step(const Panel& panel, const Pass& pass, const Unit* next, const Unit* last,
                   GroupSums (&sums)[2], uint32_t turn) {
    __m512 acc[kSlotTokens];
    SlotSums* out = last ? &pass.sums[last->slot][last->tile] : nullptr;
    if (out) {
#pragma GCC unroll 16
      for (uint32_t t = 0; t < kSlotTokens; ++t) acc[t] = _mm512_load_ps(out->v[t]);
    }
    for (uint32_t g = 0; g < panel.groups; ++g) {
      if (next) {
        if (g % 2 == 0) {
          Products<0>(panel, next->tile, g, next->activations, pass.stride, sums[turn]);
        } else {
          Products<1>(panel, next->tile, g, next->activations, pass.stride, sums[turn]);
        }
      }
      if (out) Rescale(panel, last->tile, g, last->activations, pass.stride, sums[1 - turn], acc);
    }
    if (out) {
#pragma GCC unroll 16
      for (uint32_t t = 0; t < kSlotTokens; ++t) _mm512_store_ps(out->v[t], acc[t]);
    }
  }

  static void AddPanel(const Panel& panel, const Pass& pass) {
    alignas(64) GroupSums sums[2];
    Unit units[2];  // This one and the one before.
    const uint32_t count = pass.slots * pass.tiles;
    for (uint32_t u = 0; u < count; ++u) {
      Unit& unit = units[u % 2];
      unit = {pass.activations[u / pass.tiles], u / pass.tiles, u % pass.tiles};
      if (unit.tile == 0) pass.Prefetch(unit.slot);
      Step(panel, pass, &unit, u > 0 ? &units[1 - u % 2] : nullptr, sums, u % 2);
    }
    Step(panel, pass, nullptr, &units[(count - 1) % 2], sums, count % 2);
  }
};

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  using Type = SmallBlockType;
  table.multiply[kWeightQ8_0] = PanelWalk<SmallBlocks<Type::kQ8_0, kWeightQ8_0>>::Multiply;
  table.multiply[kWeightQ4_0] = PanelWalk<SmallBlocks<Type::kQ4_0, kWeightQ4_0>>::Multiply;
  table.multiply[kWeightQ4_1] = PanelWalk<SmallBlocks<Type::kQ4_1, kWeightQ4_1>>::Multiply;
  table.multiply[kWeightQ5_0] = PanelWalk<SmallBlocks<Type::kQ5_0, kWeightQ5_0>>::Multiply;
  table.multiply[kWeightQ5_1] = PanelWalk<SmallBlocks<Type::kQ5_1, kWeightQ5_1>>::Multiply;
  table.multiply[kWeightIQ4_NL] = PanelWalk<SmallBlocks<Type::kIQ4_NL, kWeightIQ4_NL>>::Multiply;
  table.multiply[kWeightIQ4_XS] = PanelWalk<SmallBlocks<Type::kIQ4_XS, kWeightIQ4_XS>>::Multiply;
  table.multiply[kWeightMXFP4] = PanelWalk<SmallBlocks<Type::kMXFP4, kWeightMXFP4>>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kAmxSmallBlocks = Table();

}  // namespace ingle
