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

  static void Unpack(const uint8_t* const (&tiles)[kPanelTiles], uint32_t, uint32_t index,
                     Panel& panel) {
    const __m512i byte = _mm512_set1_epi16(255);
    const __m512i zero = _mm512_set1_epi16(ZeroOf(static_cast<const Brick*>(nullptr)));
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
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

  // Two slots with one tile of weights (one slot: its twin repeats it): sums in tiles 0 (low) and 1
  // (high) of the first, 2 and 3 of the second.
  static void Products(const Panel& panel, uint32_t tile, const uint8_t* first,
                       const uint8_t* second, size_t stride) {
    ZeroTile<0>();
    ZeroTile<2>();
    if constexpr (kParts == 2) {
      ZeroTile<1>();
      ZeroTile<3>();
    }
    for (uint32_t j = 0; j < 4; ++j) {
      LoadTile<6>(panel.w[tile][j][0], 64);
      LoadTile<4>(first + j * 64, stride);
      AddProductsInt8<0, 4, 6>();
      LoadTile<5>(second + j * 64, stride);
      AddProductsInt8<2, 5, 6>();
      if constexpr (kParts == 2) {
        LoadTile<7>(panel.w[tile][j][1], 64);
        AddProductsInt8<1, 4, 7>();
        AddProductsInt8<3, 5, 7>();
      }
    }
  }

  static void StoreSums(TileSums<kParts> (&sums)[2]) {
    StoreTile<0>(sums[0].v[0], 64);
    StoreTile<2>(sums[1].v[0], 64);
    if constexpr (kParts == 2) {
      StoreTile<1>(sums[0].v[1], 64);
      StoreTile<3>(sums[1].v[1], 64);
    }
  }

  // The float operations of kernels/README.md for 16 tokens, of the integers in `sums`.
  static void Rescale(const Panel& panel, uint32_t tile, const uint8_t* activations, size_t stride,
                      const TileSums<kParts>& sums, SlotSums& out) {
    const __m512 d = _mm512_load_ps(panel.d[tile]);
    for (uint32_t t = 0; t < kSlotTokens; ++t) {
      const auto& a = *reinterpret_cast<const ActivationQ8x256*>(activations + t * stride);
      __m512i scaled = Load(sums.v[0][t]);
      if constexpr (kParts == 2) {
        scaled = _mm512_add_epi32(scaled, _mm512_slli_epi32(Load(sums.v[1][t]), 7));
      }
      __m512 v = _mm512_mul_ps(d, _mm512_cvtepi32_ps(scaled));
      if constexpr (kHasMins) {
        const int16_t* a_sums = kScaleGroups == 8 ? a.sum32 : a.sum16;
        __m512i sum = _mm512_setzero_si512();
#pragma GCC unroll 8
        for (uint32_t j = 0; j < kMinPairs; ++j) {
          sum = _mm512_dpwssd_epi32(sum, Load(panel.mins[tile][j]), Broadcast(a_sums + 2 * j));
        }
        v = _mm512_fnmadd_ps(_mm512_load_ps(panel.dmin[tile]), _mm512_cvtepi32_ps(sum), v);
      }
      const __m512 acc = _mm512_load_ps(out.v[t]);
      _mm512_store_ps(out.v[t], _mm512_fmadd_ps(_mm512_set1_ps(a.d), v, acc));
    }
  }

  // While the tile unit multiplies, the products before are rescaled.
  static void AddPanel(const Panel& panel, const Pass& pass) {
    alignas(64) TileSums<kParts> sums[2][2];
    uint32_t last_slot = 0, last_tile = 0, turn = 0;
    const auto rescale_last = [&] {
      const uint32_t left = pass.slots - last_slot;
      for (uint32_t i = 0; i < (left < 2 ? left : 2); ++i) {
        Rescale(panel, last_tile, pass.activations[last_slot + i], pass.stride, sums[1 - turn][i],
                pass.sums[last_slot + i][last_tile]);
      }
    };
    for (uint32_t slot = 0; slot < pass.slots; slot += 2) {
      const uint8_t* first = pass.activations[slot];
      const uint8_t* second = slot + 1 < pass.slots ? pass.activations[slot + 1] : first;
      for (uint32_t tile = 0; tile < kPanelTiles; ++tile, turn = 1 - turn) {
        Products(panel, tile, first, second, pass.stride);
        if (slot + tile > 0) rescale_last();
        StoreSums(sums[turn]);
        last_slot = slot;
        last_tile = tile;
      }
    }
    rescale_last();
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
