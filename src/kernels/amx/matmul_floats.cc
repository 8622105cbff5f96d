// Products of BF16 and F16 weights with tile registers, whose order of additions is the arithmetic
// contract of these types. F32 weights stay with AVX-512: tiles have no product for them.
#include <immintrin.h>

#include "kernels/amx/panel_walk.h"
#include "kernels/amx/tile_registers.h"

namespace ingle {

extern const MatmulKernels kAmxFloats, kAvx512VnniFloats;

namespace {

// A panel is of as many bricks as make 16 KB: with the activations of two slots, of as many again,
// it fits into the first cache. From larger ones the weights would come out of the second cache for
// every two slots.
struct Halves {
  static const MatmulKernels& Below() { return kAvx512VnniFloats; }
  static size_t TileBytes(uint32_t cols) { return (cols + 31) / 32 * sizeof(BrickHalf); }

  static TileShapes Shapes() {
    TileShapes shapes;
    for (uint32_t i = 0; i < 8; ++i) {
      shapes.row_bytes[i] = 64;
      shapes.rows[i] = 16;
    }
    return shapes;
  }

  // Of a panel from brick `first` on.
  static uint32_t Bricks(uint32_t cols, uint32_t first, uint32_t most) {
    const uint32_t left = (cols + 31) / 32 - first;
    return left < most ? left : most;
  }
};

// Bricks are tiles as they are.
struct Bf16 : Halves {
  static constexpr WeightType kWeight = kWeightBf16;
  static constexpr uint32_t kBricks = 8, kPanelK = kBricks * 32;
  static constexpr size_t kPanelWeightBytes = kBricks * sizeof(BrickHalf);
  static constexpr size_t kPanelActivationBytes = kBricks * sizeof(ActivationBf16);
  static constexpr size_t kPanelActivationBytesRead = kBricks * sizeof(ActivationBf16::bits);

  struct Panel {
    const BrickHalf* bricks[kPanelTiles];
    uint32_t count;
  };

  static void Unpack(const uint8_t* const (&tiles)[kPanelTiles], uint32_t, uint32_t cols,
                     uint32_t index, Panel& panel) {
    for (uint32_t i = 0; i < kPanelTiles; ++i) {
      panel.bricks[i] = reinterpret_cast<const BrickHalf*>(tiles[i]) + index * kBricks;
    }
    panel.count = Bricks(cols, index * kBricks, kBricks);
  }

  static const uint16_t* Bits(const uint8_t* activations, uint32_t brick) {
    return reinterpret_cast<const ActivationBf16*>(activations)[brick].bits;
  }

  // Two slots with two tiles of weights: tile 2 * slot + tile of weights holds their sums.
  static void AddTwo(const Panel& panel, const Pass& pass, uint32_t slot) {
    SlotSums(&first)[kPanelTiles] = pass.sums[slot];
    SlotSums(&second)[kPanelTiles] = pass.sums[slot + 1];
    LoadTile<0>(first[0].v, 64);
    LoadTile<1>(first[1].v, 64);
    LoadTile<2>(second[0].v, 64);
    LoadTile<3>(second[1].v, 64);
    for (uint32_t b = 0; b < panel.count; ++b) {
      LoadTile<4>(Bits(pass.activations[slot], b), pass.stride);
      LoadTile<6>(panel.bricks[0][b].w, 64);
      AddProductsBf16<0, 4, 6>();
      LoadTile<7>(panel.bricks[1][b].w, 64);
      AddProductsBf16<1, 4, 7>();
      LoadTile<5>(Bits(pass.activations[slot + 1], b), pass.stride);
      AddProductsBf16<2, 5, 6>();
      AddProductsBf16<3, 5, 7>();
    }
    StoreTile<0>(first[0].v, 64);
    StoreTile<1>(first[1].v, 64);
    StoreTile<2>(second[0].v, 64);
    StoreTile<3>(second[1].v, 64);
  }

  static void AddOne(const Panel& panel, const Pass& pass, uint32_t slot) {
    SlotSums(&sums)[kPanelTiles] = pass.sums[slot];
    LoadTile<0>(sums[0].v, 64);
    LoadTile<1>(sums[1].v, 64);
    for (uint32_t b = 0; b < panel.count; ++b) {
      LoadTile<4>(Bits(pass.activations[slot], b), pass.stride);
      LoadTile<6>(panel.bricks[0][b].w, 64);
      AddProductsBf16<0, 4, 6>();
      LoadTile<7>(panel.bricks[1][b].w, 64);
      AddProductsBf16<1, 4, 7>();
    }
    StoreTile<0>(sums[0].v, 64);
    StoreTile<1>(sums[1].v, 64);
  }

  static void AddPanel(const Panel& panel, const Pass& pass) {
    uint32_t slot = 0;
    for (; slot + 2 <= pass.slots; slot += 2) {
      pass.Prefetch(slot);
      pass.Prefetch(slot + 1);
      AddTwo(panel, pass, slot);
    }
    if (slot == pass.slots) return;
    pass.Prefetch(slot);
    AddOne(panel, pass, slot);
  }
};

// Weights are split into hi and lo for a panel. Of each 32 columns the products hi * hi, hi * lo
// and lo * hi (weight * activation), in this order.
struct F16 : Halves {
  static constexpr WeightType kWeight = kWeightF16;
  static constexpr uint32_t kBricks = 4, kPanelK = kBricks * 32;
  static constexpr size_t kPanelWeightBytes = kBricks * sizeof(BrickHalf);
  static constexpr size_t kPanelActivationBytes = kBricks * sizeof(ActivationBf16x2);
  static constexpr size_t kPanelActivationBytesRead =
      kBricks * 2 * sizeof(ActivationBf16x2::hi_bits);

  struct alignas(64) Panel {
    BrickHalf hi[kPanelTiles][kBricks], lo[kPanelTiles][kBricks];
    uint32_t count;
  };

  // A vector of the bf16 bits of two floats: of the even and of the odd k.
  static __m512i Pairs(__m512 even, __m512 odd) {
    const __m512i upper = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
    return _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(even), 16),
                           _mm512_and_si512(_mm512_castps_si512(odd), upper));
  }
  static __m512 CutToBf16(__m512 x) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), mask));
  }

  static void Unpack(const uint8_t* const (&tiles)[kPanelTiles], uint32_t count, uint32_t cols,
                     uint32_t index, Panel& panel) {
    panel.count = Bricks(cols, index * kBricks, kBricks);
    for (uint32_t i = 0; i < count; ++i) {
      const auto* bricks = reinterpret_cast<const BrickHalf*>(tiles[i]) + index * kBricks;
      for (uint32_t b = 0; b < panel.count; ++b) {
        for (uint32_t p = 0; p < 16; ++p) {
          const __m512i x = _mm512_load_si512(bricks[b].w[p]);
          const __m512 even = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x));
          const __m512 odd = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(x, 16)));
          const __m512 even_hi = CutToBf16(even), odd_hi = CutToBf16(odd);
          _mm512_store_si512(panel.hi[i][b].w[p], Pairs(even_hi, odd_hi));
          _mm512_store_si512(panel.lo[i][b].w[p],
                             Pairs(_mm512_sub_ps(even, even_hi), _mm512_sub_ps(odd, odd_hi)));
        }
      }
    }
  }

  static const ActivationBf16x2& Block(const Pass& pass, uint32_t slot, uint32_t brick) {
    return reinterpret_cast<const ActivationBf16x2*>(pass.activations[slot])[brick];
  }

  // One or two slots with both tiles of weights: tile 2 * slot + tile of weights holds their sums.
  template <uint32_t kSlots>
  static void AddSlots(const Panel& panel, const Pass& pass, uint32_t slot) {
    constexpr bool kTwo = kSlots == 2;
    SlotSums(*sums)[kPanelTiles] = pass.sums + slot;
    LoadTile<0>(sums[0][0].v, 64);
    LoadTile<1>(sums[0][1].v, 64);
    if constexpr (kTwo) LoadTile<2>(sums[1][0].v, 64);
    if constexpr (kTwo) LoadTile<3>(sums[1][1].v, 64);
    for (uint32_t b = 0; b < panel.count; ++b) {
      const ActivationBf16x2& first = Block(pass, slot, b);
      const ActivationBf16x2& second = Block(pass, slot + kSlots - 1, b);
      AddWeights<kTwo, true>(panel.hi[0][b], panel.hi[1][b], first.hi_bits, second.hi_bits, pass);
      AddWeights<kTwo, false>(panel.hi[0][b], panel.hi[1][b], first.lo_bits, second.lo_bits, pass);
      AddWeights<kTwo, true>(panel.lo[0][b], panel.lo[1][b], first.hi_bits, second.hi_bits, pass);
    }
    StoreTile<0>(sums[0][0].v, 64);
    StoreTile<1>(sums[0][1].v, 64);
    if constexpr (kTwo) StoreTile<2>(sums[1][0].v, 64);
    if constexpr (kTwo) StoreTile<3>(sums[1][1].v, 64);
  }

  // One of the three products; kLoad: of other weights than before.
  template <bool kTwo, bool kLoad>
  [[gnu::always_inline]] static void AddWeights(const BrickHalf& w0, const BrickHalf& w1,
                                                const uint16_t* first, const uint16_t* second,
                                                const Pass& pass) {
    LoadTile<4>(first, pass.stride);
    if constexpr (kLoad) LoadTile<6>(w0.w, 64);
    AddProductsBf16<0, 4, 6>();
    if constexpr (kLoad) LoadTile<7>(w1.w, 64);
    AddProductsBf16<1, 4, 7>();
    if constexpr (kTwo) {
      LoadTile<5>(second, pass.stride);
      AddProductsBf16<2, 5, 6>();
      AddProductsBf16<3, 5, 7>();
    }
  }

  static void AddPanel(const Panel& panel, const Pass& pass) {
    uint32_t slot = 0;
    for (; slot + 2 <= pass.slots; slot += 2) {
      pass.Prefetch(slot);
      pass.Prefetch(slot + 1);
      AddSlots<2>(panel, pass, slot);
    }
    if (slot == pass.slots) return;
    pass.Prefetch(slot);
    AddSlots<1>(panel, pass, slot);
  }
};

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightBf16] = PanelWalk<Bf16>::Multiply;
  table.multiply[kWeightF16] = PanelWalk<F16>::Multiply;
  return table;
}

}  // namespace

constinit const MatmulKernels kAmxFloats = Table();

}  // namespace ingle
