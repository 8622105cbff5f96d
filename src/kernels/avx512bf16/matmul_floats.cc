// Products of BF16 and F16 weights with VDPBF16PS, for processors where it is as fast as a plain
// fma (AMD's). A lane holds two bf16 and adds the product of the second, then that of the first,
// each rounded once: two links of a chain. So words of (k + 2, k) and of (k + 3, k + 1) are the
// chains over even and over odd k of kernels/README.md, at two links an instruction. This tier's
// activations have their bf16 numbers in that order, so that each word is made once and not in each
// product.
#include <immintrin.h>

#include <cstddef>

#include "kernels/bricks.h"
#include "kernels/tables.h"

namespace ingle {

extern const MatmulKernels kAvx512Bf16Floats;

namespace {

constexpr uint32_t kTiles = 2, kRows = kTiles * kTileRows;  // That go through the registers
constexpr uint32_t kTokens = 6;                             // together.
constexpr uint32_t kTokenChunk = 128;                       // What a second cache holds of them.
constexpr uint32_t kGroups = kBrickK / 32, kQuads = 8;
// Below, weights from memory are the limit, and unpacking them in registers is cheaper.
constexpr uint32_t kFewestTokens = 9;

// Of 32 k: [quad of k][tile][even, odd][row].
struct alignas(64) WeightWords {
  uint32_t words[kQuads][kTiles][2][kTileRows];
};
// Of 32 k of one token. Of a quad of k, as PairUp leaves it, first the word of even k.
struct alignas(64) TokenWords {
  uint32_t words[kQuads][2];
};

inline __m512i Load(const void* at) { return _mm512_load_si512(at); }
inline void Store(void* at, __m512i x) { _mm512_store_si512(at, x); }

// The upper halves of high's lanes, and of low's below them.
inline __m512i UpperHalves(__m512i high, __m512i low) {
  constexpr __mmask32 kUpper = 0xaaaaaaaau;
  return _mm512_mask_blend_epi16(kUpper, _mm512_srli_epi32(low, 16), high);
}

// k, k + 1, k + 2, k + 3 become k + 2, k, k + 3, k + 1.
inline void PairUp(uint16_t (&bits)[32]) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(4, 5, 0, 1, 6, 7, 2, 3, 12, 13, 8, 9, 14, 15, 10, 11));
  Store(bits, _mm512_shuffle_epi8(Load(bits), order));
}

struct Bf16 {
  using Activation = ActivationBf16;
  static constexpr WeightType kWeight = kWeightBf16;
  static constexpr ActivationKind kActivation = kActivationBf16;
  static constexpr uint32_t kPlanes = 1;
  static constexpr bool kCopies = false;
  static constexpr size_t kWordsAt = offsetof(Activation, bits);

  static void PairUpAll(Activation& a) { PairUp(a.bits); }

  // Returns whether the second plane is needed.
  static bool Unpack(const BrickHalf& brick, uint32_t tile, WeightWords (&to)[kPlanes]) {
    for (uint32_t q = 0; q < kQuads; ++q) {
      const __m512i x0 = Load(brick.w[2 * q]), x1 = Load(brick.w[2 * q + 1]);
      auto& words = to[0].words[q][tile];
      Store(words[0], UpperHalves(_mm512_slli_epi32(x0, 16), _mm512_slli_epi32(x1, 16)));
      Store(words[1], UpperHalves(x0, x1));
    }
    return false;
  }
};

struct F16 {
  using Activation = ActivationBf16x2;
  static constexpr WeightType kWeight = kWeightF16;
  static constexpr ActivationKind kActivation = kActivationBf16x2;
  static constexpr uint32_t kPlanes = 2;
  // A panel takes most of the first cache. With the floats that lie between them, and which come
  // along unasked, words would push it out; those of a brick next to each other do not.
  static constexpr bool kCopies = true;
  static constexpr size_t kWordsAt = offsetof(Activation, hi_bits);  // lo_bits follow.
  static_assert(offsetof(Activation, lo_bits) == kWordsAt + sizeof(TokenWords));

  static void PairUpAll(Activation& a) {
    PairUp(a.hi_bits);
    PairUp(a.lo_bits);
  }

  // What cutting x to bf16 loses; a bf16 itself.
  static __m512i Lost(__m512 x) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u));
    const __m512i cut = _mm512_and_si512(_mm512_castps_si512(x), mask);
    return _mm512_castps_si512(_mm512_sub_ps(x, _mm512_castsi512_ps(cut)));
  }

  // From the half floats of k and of k + 2 (in the lower halves of lanes). Returns lo's bits.
  static __m512i UnpackWord(__m512i x0, __m512i x1, uint32_t (&hi)[kTileRows],
                            uint32_t (&lo)[kTileRows]) {
    const __m512 w0 = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x0));
    const __m512 w1 = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(x1));
    Store(hi, UpperHalves(_mm512_castps_si512(w0), _mm512_castps_si512(w1)));
    const __m512i lost = UpperHalves(Lost(w0), Lost(w1));
    Store(lo, lost);
    return lost;
  }

  static bool Unpack(const BrickHalf& brick, uint32_t tile, WeightWords (&to)[kPlanes]) {
    __m512i lost = _mm512_setzero_si512();
    for (uint32_t q = 0; q < kQuads; ++q) {
      const __m512i x0 = Load(brick.w[2 * q]), x1 = Load(brick.w[2 * q + 1]);
      auto &hi = to[0].words[q][tile], &lo = to[1].words[q][tile];
      const __m512i even = UnpackWord(x0, x1, hi[0], lo[0]);
      const __m512i odd =
          UnpackWord(_mm512_srli_epi32(x0, 16), _mm512_srli_epi32(x1, 16), hi[1], lo[1]);
      lost = _mm512_or_si512(lost, _mm512_or_si512(even, odd));
    }
    return _mm512_test_epi32_mask(lost, lost) != 0;
  }
};

inline __m512bh Words(const void* at) { return __builtin_bit_cast(__m512bh, Load(at)); }
inline __m512bh Broadcast(uint32_t word) {
  return __builtin_bit_cast(__m512bh, _mm512_set1_epi32(static_cast<int32_t>(word)));
}

// Sums of T tokens: in memory, since a group's chains take the registers.
template <uint32_t T>
struct alignas(64) Accumulators {
  float sums[T][kTiles][kTileRows];
};

// acc += (chain over even k + chain over odd k) of 32 k; tokens lie `stride` apart. kZero: and then
// the same with weights of zero, whose 0 makes -0 (of a flushed subnormal) 0. Not inline: else
// compilers keep more in registers than there are.
template <uint32_t T, bool kZero>
[[gnu::noinline]] void AddGroup(const WeightWords& w, const TokenWords* a, size_t stride,
                                Accumulators<T>& acc) {
  __m512 even[T][kTiles], odd[T][kTiles];
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t i = 0; i < kTiles; ++i) even[t][i] = odd[t][i] = _mm512_setzero_ps();
  }
#pragma GCC unroll 8
  for (uint32_t q = 0; q < kQuads; ++q) {
    const __m512bh even0 = Words(w.words[q][0][0]), odd0 = Words(w.words[q][0][1]);
    const __m512bh even1 = Words(w.words[q][1][0]), odd1 = Words(w.words[q][1][1]);
#pragma GCC unroll 8
    for (uint32_t t = 0; t < T; ++t) {
      const uint32_t(&words)[2] = a[t * stride].words[q];
      const __m512bh a_even = Broadcast(words[0]), a_odd = Broadcast(words[1]);
      even[t][0] = _mm512_dpbf16_ps(even[t][0], even0, a_even);
      even[t][1] = _mm512_dpbf16_ps(even[t][1], even1, a_even);
      odd[t][0] = _mm512_dpbf16_ps(odd[t][0], odd0, a_odd);
      odd[t][1] = _mm512_dpbf16_ps(odd[t][1], odd1, a_odd);
    }
  }
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
#pragma GCC unroll 2
    for (uint32_t i = 0; i < kTiles; ++i) {
      float* at = acc.sums[t][i];
      __m512 sum = _mm512_add_ps(_mm512_load_ps(at), _mm512_add_ps(even[t][i], odd[t][i]));
      if constexpr (kZero) sum = _mm512_add_ps(sum, _mm512_setzero_ps());
      _mm512_store_ps(at, sum);
    }
  }
}

template <class Format>
struct Floats {
  static constexpr uint32_t kPlanes = Format::kPlanes;
  struct Panel {
    WeightWords groups[kGroups][kPlanes];
    bool lost[kGroups];  // By the first plane: else the second is zero, as where a half float holds
                         // what was a bf16.
  };
  // From the first group of a brick on, each of kPlanes; tokens lie so many words apart.
  struct Tokens {
    static constexpr size_t kGroup =
        Format::kCopies ? kPlanes : sizeof(typename Format::Activation) / sizeof(TokenWords);
    const TokenWords* words;
    size_t stride;

    const TokenWords* At(uint32_t group) const { return words + group * kGroup; }
    Tokens From(uint32_t token) const { return {words + token * stride, stride}; }
  };
  struct Copies {
    TokenWords words[Format::kCopies ? kTokenChunk : 1][kGroups][kPlanes];
  };
  // Where a panel's sums go: its tiles' rows of one token after another. Meanwhile every `blocks`th
  // line of the bricks at `next`, from the `block`th on, comes from memory.
  struct Sums {
    float* out;
    size_t stride;
    __mmask16 masks[kTiles];
    bool fresh;  // From zero.
    const BrickHalf* next[kTiles];
    uint32_t block, blocks;
  };

  // Of 32 k: of the only planes, or hi * hi, hi * lo and lo * hi.
  template <uint32_t T>
  static void AddProducts(const Panel& panel, uint32_t group, const Tokens& tokens,
                          Accumulators<T>& acc) {
    const WeightWords* w = panel.groups[group];
    const TokenWords* a = tokens.At(group);
    AddGroup<T, false>(w[0], a, tokens.stride, acc);
    if constexpr (kPlanes == 1) return;
    if (!panel.lost[group]) return AddGroup<T, true>(w[0], a + 1, tokens.stride, acc);
    AddGroup<T, false>(w[0], a + 1, tokens.stride, acc);
    AddGroup<T, false>(w[1], a, tokens.stride, acc);
  }

  template <uint32_t T>
  static void AddPanel(const Panel& panel, uint32_t groups, const Tokens& tokens,
                       const Sums& sums) {
    Accumulators<T> acc;
    for (uint32_t t = 0; t < T; ++t) {
      for (uint32_t i = 0; i < kTiles; ++i) {
        const float* from = sums.out + t * sums.stride + i * kTileRows;
        const __mmask16 mask = sums.fresh ? __mmask16{0} : sums.masks[i];
        _mm512_store_ps(acc.sums[t][i], _mm512_maskz_loadu_ps(mask, from));
      }
    }
    for (uint32_t g = 0; g < groups; ++g) {
      for (const BrickHalf* next : sums.next) {
        for (uint32_t line = sums.block; line < 16; line += sums.blocks)
          __builtin_prefetch(next[g].w[line]);
      }
      AddProducts<T>(panel, g, tokens, acc);
    }
    for (uint32_t t = 0; t < T; ++t) {
      for (uint32_t i = 0; i < kTiles; ++i) {
        float* to = sums.out + t * sums.stride + i * kTileRows;
        _mm512_mask_storeu_ps(to, sums.masks[i], _mm512_load_ps(acc.sums[t][i]));
      }
    }
  }

  template <uint32_t T>
  static void Select(uint32_t count, const Panel& panel, uint32_t groups, const Tokens& tokens,
                     const Sums& sums) {
    if constexpr (T > 1) {
      if (count < T) return Select<T - 1>(count, panel, groups, tokens, sums);
    }
    AddPanel<T>(panel, groups, tokens, sums);
  }

  // All rows with 256 k of some tokens.
  static void Rows(const MultiplyArgs& args, uint32_t brick, uint32_t groups, const Tokens& tokens,
                   uint32_t count, float* out) {
    const uint32_t bricks = (args.cols + 31) / 32, last = (args.rows - 1) / kTileRows;
    const auto* weights = reinterpret_cast<const BrickHalf*>(args.weights);
    const auto at = [&](uint32_t tile, uint32_t b) {  // Tiles after the last repeat it.
      return weights + size_t{tile < last ? tile : last} * bricks + b;
    };
    alignas(64) Panel panel;
    for (uint32_t row = 0; row < args.rows; row += kRows) {
      const uint32_t tile = row / kTileRows, left = args.rows - row;
      for (uint32_t g = 0; g < groups; ++g) {
        panel.lost[g] = false;
        for (uint32_t i = 0; i < kTiles; ++i)
          panel.lost[g] |= Format::Unpack(at(tile + i, brick)[g], i, panel.groups[g]);
      }
      const bool more = tile + kTiles <= last;
      const uint32_t next = more ? tile + kTiles : 0, next_brick = more ? brick : brick + groups;
      const __mmask32 mask = left < kRows ? (__mmask32{1} << left) - 1 : ~__mmask32{0};
      Sums sums = {.out = out + row,
                   .stride = args.out_stride,
                   .masks = {static_cast<__mmask16>(mask), static_cast<__mmask16>(mask >> 16)},
                   .fresh = brick == 0,
                   .next = {at(next, next_brick), at(next + 1, next_brick)},
                   .block = 0,
                   .blocks = (count + kTokens - 1) / kTokens};
      for (uint32_t t = 0, now = 0; t < count; t += now, ++sums.block) {  // Of about equal size.
        const uint32_t left_blocks = sums.blocks - sums.block;
        now = (count - t + left_blocks - 1) / left_blocks;
        sums.out = out + t * args.out_stride + row;
        Select<kTokens>(now, panel, groups, tokens.From(t), sums);
      }
    }
  }

  static Tokens TokensOf(const MultiplyArgs& args, uint32_t first, uint32_t count, uint32_t brick,
                         uint32_t groups, [[maybe_unused]] Copies& copies) {
    const uint8_t* from = args.activations + first * args.activation_stride +
                          brick * sizeof(typename Format::Activation) + Format::kWordsAt;
    if constexpr (!Format::kCopies) {
      return {reinterpret_cast<const TokenWords*>(from),
              args.activation_stride / sizeof(TokenWords)};
    }
    for (uint32_t t = 0; t < count; ++t, from += args.activation_stride) {
      for (uint32_t g = 0; g < groups; ++g)
        __builtin_memcpy(copies.words[t][g], from + g * sizeof(typename Format::Activation),
                         sizeof(copies.words[t][g]));
    }
    return {copies.words[0][0], kGroups * kPlanes};
  }

  static void Multiply(const MultiplyArgs& args) {
    if (args.tokens < kFewestTokens) return kAvx512VnniFloats.multiply[Format::kWeight](args);
    const uint32_t bricks = (args.cols + 31) / 32;
    Copies copies;
    for (uint32_t first = 0; first < args.tokens; first += kTokenChunk) {
      const uint32_t left = args.tokens - first, count = left < kTokenChunk ? left : kTokenChunk;
      for (uint32_t brick = 0; brick < bricks; brick += kGroups) {
        const uint32_t groups = bricks - brick < kGroups ? bricks - brick : kGroups;
        const Tokens tokens = TokensOf(args, first, count, brick, groups, copies);
        Rows(args, brick, groups, tokens, count, args.out + first * args.out_stride);
      }
    }
  }

  static void Quantize(const float* x, uint32_t cols, uint8_t* out) {
    kAvx512VnniQuantize.quantize[Format::kActivation](x, cols, out);
    auto* blocks = reinterpret_cast<typename Format::Activation*>(out);
    for (uint32_t i = 0; i < (cols + 31) / 32; ++i) Format::PairUpAll(blocks[i]);
  }
};

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightF16] = Floats<F16>::Multiply;
  table.multiply[kWeightBf16] = Floats<Bf16>::Multiply;
  table.quantize[kActivationBf16x2] = Floats<F16>::Quantize;
  table.quantize[kActivationBf16] = Floats<Bf16>::Quantize;
  return table;
}

}  // namespace

constinit const MatmulKernels kAvx512Bf16Floats = Table();

}  // namespace ingle
