// Products of Q2_K to Q6_K weights with tile registers. A scale of a few bits times a code is an
// integer of at most 13 bits: w = 128 * high + low, both of them int8, so that the sums of 256
// columns come out of the tiles as 128 * (high . a) + (low . a), exact, and are rescaled once.
#include <immintrin.h>

#include "kernels/amx/panel_walk.h"
#include "kernels/amx/tile_registers.h"
#include "kernels/avx512vnni/unpack.h"

namespace ingle {

extern const MatmulKernels kAmxSuperBlocks, kAvx512VnniSuperBlocks;

namespace {

template <uint32_t kParts, uint32_t kMinPairs>
struct alignas(64) SuperPanel {
  int8_t w[2][4][kParts][16][64];  // [tile][64 columns][low, high][quad][row, k of the quad]
  int16_t mins[2][kMinPairs][32];  // [tile][pair of groups][row][group of the pair]
  float d[2][16], dmin[2][16];
};

// Of 16 tokens with 16 rows over 256 columns.
template <uint32_t kParts>
struct alignas(64) TileSums {
  int32_t v[kParts][kSlotTokens][kTileRows];
};

// How much too large the codes of a type without mins are.
inline constexpr int16_t ZeroOf(const BrickQ3_K*) { return 4; }
inline constexpr int16_t ZeroOf(const BrickQ6_K*) { return 32; }
[[maybe_unused]] inline constexpr int16_t ZeroOf(const void*) { return 0; }

// Codes times scales of 16 bits, the even and the odd k of a quad: to int8 as low and high parts.
template <uint32_t kParts>
inline void StoreParts(__m512i even, __m512i odd, int8_t (*to)[16][64], uint32_t quad) {
  const __m512i low_bits = _mm512_set1_epi16(127), byte = _mm512_set1_epi16(255);
  if constexpr (kParts == 1) {
    _mm512_store_si512(to[0][quad], _mm512_or_si512(even, _mm512_slli_epi16(odd, 8)));
    return;
  }
  const __m512i low_even = _mm512_and_si512(even, low_bits);
  const __m512i low_odd = _mm512_slli_epi16(_mm512_and_si512(odd, low_bits), 8);
  _mm512_store_si512(to[0][quad], _mm512_or_si512(low_even, low_odd));
  const __m512i high_even = _mm512_and_si512(_mm512_srai_epi16(even, 7), byte);
  const __m512i high_odd = _mm512_slli_epi16(_mm512_srai_epi16(odd, 7), 8);
  _mm512_store_si512(to[kParts - 1][quad], _mm512_or_si512(high_even, high_odd));
}

template <class Brick, WeightType kType>
struct SuperBlocks {
  static constexpr bool kHasMins = requires(Brick b) { b.dmin; };
  static constexpr uint32_t kScaleGroups = sizeof(Brick::scales) / kTileRows;
  static constexpr uint32_t kMinPairs = kHasMins ? kScaleGroups / 2 : 1;
  // Q2_K: 3 * 15 fits into a byte.
  static constexpr uint32_t kParts = kType == kWeightQ2_K ? 1 : 2;
  static constexpr uint32_t kQuadsPerScale = 64 / kScaleGroups;
  static constexpr uint32_t kPanelK = kBrickK;
  static constexpr size_t kPanelWeightBytes = sizeof(Brick);
  static constexpr size_t kPanelActivationBytes = sizeof(ActivationQ8x256);
  static constexpr size_t kPanelActivationBytesRead = kPanelActivationBytes;
  static constexpr WeightType kWeight = kType;
  static const MatmulKernels& Below() { return kAvx512VnniSuperBlocks; }
  using Panel = SuperPanel<kParts, kMinPairs>;

  static size_t TileBytes(uint32_t cols) { return cols / kBrickK * sizeof(Brick); }

  static TileShapes Shapes() {
    TileShapes shapes;
    for (uint32_t i = 0; i < 8; ++i) {
      shapes.row_bytes[i] = 64;
      shapes.rows[i] = 16;
    }
    return shapes;
  }

  static void Unpack(const uint8_t* const (&tiles)[kPanelTiles], uint32_t count, uint32_t,
                     uint32_t index, Panel& panel) {
    const __m512i byte = _mm512_set1_epi16(255);
    const __m512i zero = _mm512_set1_epi16(ZeroOf(static_cast<const Brick*>(nullptr)));
    for (uint32_t i = 0; i < count; ++i) {
      const Brick& brick = reinterpret_cast<const Brick*>(tiles[i])[index];
      for (uint32_t group = 0; group < 8; ++group) {
        const Quads quads = Group(brick, group);
        __m512i scale = _mm512_setzero_si512();
#pragma GCC unroll 8
        for (uint32_t q = 0; q < 8; ++q) {
          if (q % kQuadsPerScale == 0) {
            scale = Scale(brick.scales[(group * 8 + q) / kQuadsPerScale]);
            scale = _mm512_or_si512(_mm512_slli_epi32(scale, 16),
                                    _mm512_and_si512(scale, _mm512_set1_epi32(0xffff)));
          }
          const __m512i even = _mm512_sub_epi16(_mm512_and_si512(quads.q[q], byte), zero);
          const __m512i odd = _mm512_sub_epi16(_mm512_srli_epi16(quads.q[q], 8), zero);
          StoreParts<kParts>(_mm512_mullo_epi16(even, scale), _mm512_mullo_epi16(odd, scale),
                             panel.w[i][group / 2], group % 2 * 8 + q);
        }
      }
      _mm512_store_ps(panel.d[i], Half(brick.d));
      if constexpr (kHasMins) {
        _mm512_store_ps(panel.dmin[i], Half(brick.dmin));
        for (uint32_t j = 0; j < kMinPairs; ++j) {
          _mm512_store_si512(panel.mins[i][j], _mm512_cvtepu8_epi16(Load32(brick.mins[j])));
        }
      }
    }
  }

  // Up to two slots with a tile of weights.
  struct Unit {
    uint32_t slot, count, tile;
  };

  // Sums in tiles 0 (low) and 1 (high) of the first slot, 2 and 3 of the second.
  template <uint32_t kSlots>
  static void ZeroSums() {
    ZeroTile<0>();
    if constexpr (kParts == 2) ZeroTile<1>();
    if constexpr (kSlots == 2) ZeroTile<2>();
    if constexpr (kSlots == 2 && kParts == 2) ZeroTile<3>();
  }

  // The products of 64 columns.
  template <uint32_t kSlots>
  [[gnu::always_inline]] static void AddProducts(const Panel& panel, const Pass& pass,
                                                 const Unit& unit, uint32_t j) {
    LoadTile<6>(panel.w[unit.tile][j][0], 64);
    LoadTile<4>(pass.activations[unit.slot] + j * 64, pass.stride);
    AddProductsInt8<0, 4, 6>();
    if constexpr (kSlots == 2) {
      LoadTile<5>(pass.activations[unit.slot + 1] + j * 64, pass.stride);
      AddProductsInt8<2, 5, 6>();
    }
    if constexpr (kParts == 2) {
      LoadTile<7>(panel.w[unit.tile][j][1], 64);
      AddProductsInt8<1, 4, 7>();
      if constexpr (kSlots == 2) AddProductsInt8<3, 5, 7>();
    }
  }

  template <uint32_t kSlots>
  static void StoreSums(TileSums<kParts> (&sums)[2]) {
    StoreTile<0>(sums[0].v[0], 64);
    if constexpr (kParts == 2) StoreTile<1>(sums[0].v[1], 64);
    if constexpr (kSlots == 2) StoreTile<2>(sums[1].v[0], 64);
    if constexpr (kSlots == 2 && kParts == 2) StoreTile<3>(sums[1].v[1], 64);
  }

  // A tile's scales and mins in registers.
  struct Scales {
    __m512 d, dmin;
    __m512i mins[kMinPairs];

    Scales(const Panel& panel, uint32_t tile) {
      d = _mm512_load_ps(panel.d[tile]);
      if constexpr (kHasMins) {
        dmin = _mm512_load_ps(panel.dmin[tile]);
#pragma GCC unroll 8
        for (uint32_t j = 0; j < kMinPairs; ++j) mins[j] = Load(panel.mins[tile][j]);
      }
    }
  };

  // The float operations of kernels/README.md for a token, of the integers in `sums`.
  [[gnu::always_inline]] static void Rescale(const Scales& scales, const ActivationQ8x256& a,
                                             const TileSums<kParts>& sums, uint32_t token,
                                             float (&out)[kTileRows]) {
    __m512i scaled = Load(sums.v[0][token]);
    if constexpr (kParts == 2) {
      scaled = _mm512_add_epi32(scaled, _mm512_slli_epi32(Load(sums.v[1][token]), 7));
    }
    __m512 v = _mm512_mul_ps(scales.d, _mm512_cvtepi32_ps(scaled));
    if constexpr (kHasMins) {
      const int16_t* a_sums = kScaleGroups == 8 ? a.sum32 : a.sum16;
      __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
      for (uint32_t j = 0; j < kMinPairs; ++j) {
        sum = _mm512_dpwssd_epi32(sum, scales.mins[j], Broadcast(a_sums + 2 * j));
      }
      v = _mm512_fnmadd_ps(scales.dmin, _mm512_cvtepi32_ps(sum), v);
    }
    _mm512_store_ps(out, _mm512_fmadd_ps(_mm512_set1_ps(a.d), v, _mm512_load_ps(out)));
  }

  // A quarter of a unit's tokens.
  [[gnu::always_inline]] static void RescaleQuarter(const Scales& scales, const Pass& pass,
                                                    const Unit& unit,
                                                    const TileSums<kParts> (&sums)[2],
                                                    uint32_t quarter) {
    const uint32_t tokens = unit.count * kSlotTokens / 4;
    const uint32_t i = quarter * tokens / kSlotTokens, first = quarter * tokens % kSlotTokens;
    const uint8_t* activations = pass.activations[unit.slot + i];
    SlotSums& out = pass.sums[unit.slot + i][unit.tile];
    for (uint32_t t = first; t < first + tokens; ++t) {
      const auto& a = *reinterpret_cast<const ActivationQ8x256*>(activations + t * pass.stride);
      Rescale(scales, a, sums[i], t, out.v[t]);
    }
  }

  // Multiplies `next` and, meanwhile, rescales `last`.
  template <uint32_t kSlots>
  static void Step(const Panel& panel, const Pass& pass, const Unit& next, const Unit& last,
                   TileSums<kParts> (&sums)[2][2], uint32_t turn) {
    const Scales scales(panel, last.tile);
    ZeroSums<kSlots>();
    for (uint32_t j = 0; j < 4; ++j) {
      AddProducts<kSlots>(panel, pass, next, j);
      if (last.count != 0) RescaleQuarter(scales, pass, last, sums[1 - turn], j);
    }
    StoreSums<kSlots>(sums[turn]);
  }

  static void AddPanel(const Panel& panel, const Pass& pass) {
    alignas(64) TileSums<kParts> sums[2][2];
    Unit last = {0, 0, 0};
    uint32_t turn = 0;
    for (uint32_t slot = 0; slot < pass.slots; slot += 2) {
      const uint32_t count = slot + 1 < pass.slots ? 2 : 1;
      for (uint32_t tile = 0; tile < pass.tiles; ++tile, turn = 1 - turn) {
        const Unit next = {slot, count, tile};
        if (count == 2) {
          Step<2>(panel, pass, next, last, sums, turn);
        } else {
          Step<1>(panel, pass, next, last, sums, turn);
        }
        last = next;
      }
      for (uint32_t i = 0; i < count; ++i) pass.Prefetch(slot + i);
    }
    const Scales scales(panel, last.tile);
    for (uint32_t j = 0; j < 4; ++j) RescaleQuarter(scales, pass, last, sums[1 - turn], j);
  }
};

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightQ2_K] = PanelWalk<SuperBlocks<BrickQ2_K, kWeightQ2_K>>::Multiply;
  table.multiply[kWeightQ3_K] = PanelWalk<SuperBlocks<BrickQ3_K, kWeightQ3_K>>::Multiply;
  table.multiply[kWeightQ4_K] = PanelWalk<SuperBlocks<BrickQ4_K, kWeightQ4_K>>::Multiply;
  table.multiply[kWeightQ5_K] = PanelWalk<SuperBlocks<BrickQ5_K, kWeightQ5_K>>::Multiply;
  table.multiply[kWeightQ6_K] = PanelWalk<SuperBlocks<BrickQ6_K, kWeightQ6_K>>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kAmxSuperBlocks = Table();

}  // namespace ingle
