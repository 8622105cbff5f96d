#pragma once
// Codes and scales of packed weights, a group of 32 columns of 16 rows at a time, in registers.

#include <immintrin.h>

#include <cstdint>

#include "kernels/bricks.h"

namespace ingle {
namespace {

inline __m512i Load(const void* at) { return _mm512_load_si512(at); }
inline __m128i Load16(const void* at) { return _mm_load_si128(static_cast<const __m128i*>(at)); }
inline __m256i Load32(const void* at) { return _mm256_load_si256(static_cast<const __m256i*>(at)); }
inline __m512i Scale(const uint8_t (&scales)[16]) { return _mm512_cvtepu8_epi32(Load16(scales)); }
inline __m512i Scale(const int8_t (&scales)[16]) { return _mm512_cvtepi8_epi32(Load16(scales)); }
inline __m512 Half(const uint16_t (&half)[16]) { return _mm512_cvtph_ps(Load32(half)); }
inline __m512 Half(const uint8_t* half) { return _mm512_cvtph_ps(Load32(half)); }

// Four activations, or any 32 bits, in every lane.
inline __m512i Broadcast(const void* at) {
  int32_t bits;
  __builtin_memcpy(&bits, at, sizeof(bits));
  return _mm512_set1_epi32(bits);
}

// The eight quads of a group of 32 k.
struct Quads {
  __m512i q[8];
};

inline Quads Nibbles(const uint8_t* codes) {
  const __m512i low = _mm512_set1_epi8(15);
  Quads quads;
#pragma GCC unroll 4
  for (uint32_t p = 0; p < 4; ++p) {
    const __m512i x = Load(codes + p * 64);
    quads.q[2 * p] = _mm512_and_si512(x, low);
    quads.q[2 * p + 1] = _mm512_and_si512(_mm512_srli_epi16(x, 4), low);
  }
  return quads;
}

// x | (bits & mask), in one instruction.
inline __m512i OrMasked(__m512i x, __m512i bits, __m512i mask) {
  constexpr int kOrAnd = 0xf8;
  return _mm512_ternarylogic_epi32(x, bits, mask, kOrAnd);
}

inline Quads Group(const BrickQ4_K& brick, uint32_t group) {
  return Nibbles(brick.codes[group][0]);
}

inline Quads Group(const BrickQ5_K& brick, uint32_t group) {
  Quads quads = Nibbles(brick.codes[group][0]);
  const __m512i high = Load(brick.high[group]), mask = _mm512_set1_epi8(16);
#pragma GCC unroll 8
  for (uint32_t q = 0; q < 8; ++q) {  // Bit q to bit 4.
    const __m512i bits = q < 4 ? _mm512_slli_epi16(high, 4 - q) : _mm512_srli_epi16(high, q - 4);
    quads.q[q] = OrMasked(quads.q[q], bits, mask);
  }
  return quads;
}

inline Quads Group(const BrickQ6_K& brick, uint32_t group) {
  Quads quads = Nibbles(brick.codes[group][0]);
  const __m512i mask = _mm512_set1_epi8(0x30);
#pragma GCC unroll 8
  for (uint32_t q = 0; q < 8; ++q) {  // Bits 2q, 2q + 1 (q modulo 4) to bits 4, 5.
    const __m512i high = Load(brick.high[2 * group + q / 4]);
    const uint32_t from = q % 4 * 2;
    const __m512i bits =
        from < 4 ? _mm512_slli_epi16(high, 4 - from) : _mm512_srli_epi16(high, from - 4);
    quads.q[q] = OrMasked(quads.q[q], bits, mask);
  }
  return quads;
}

// 2-bit codes: bits 2q, 2q + 1 (q modulo 4) of a byte.
template <class Brick>
inline Quads Pairs(const Brick& brick, uint32_t group) {
  const __m512i mask = _mm512_set1_epi8(3);
  Quads quads;
#pragma GCC unroll 8
  for (uint32_t q = 0; q < 8; ++q) {
    const __m512i x = Load(brick.low[2 * group + q / 4]);
    quads.q[q] = _mm512_and_si512(_mm512_srli_epi16(x, q % 4 * 2), mask);
  }
  return quads;
}

inline Quads Group(const BrickQ2_K& brick, uint32_t group) { return Pairs(brick, group); }

inline Quads Group(const BrickQ3_K& brick, uint32_t group) {
  Quads quads = Pairs(brick, group);
  const __m512i high = Load(brick.high[group]), mask = _mm512_set1_epi8(4);
#pragma GCC unroll 8
  for (uint32_t q = 0; q < 8; ++q) {  // Bit q to bit 2.
    const __m512i bits = q < 2 ? _mm512_slli_epi16(high, 2 - q) : _mm512_srli_epi16(high, q - 2);
    quads.q[q] = OrMasked(quads.q[q], bits, mask);
  }
  return quads;
}

// The quads 2p and 2p + 1 of a group alone.
struct TwoQuads {
  __m512i q[2];
};

inline TwoQuads NibblePair(const uint8_t* codes) {
  const __m512i low = _mm512_set1_epi8(15), x = Load(codes);
  return {{_mm512_and_si512(x, low), _mm512_and_si512(_mm512_srli_epi16(x, 4), low)}};
}

// Bits from..from + 1 (or one bit) of a byte to where `mask` has them; `to` is mask's lowest.
inline __m512i MovedBits(__m512i bits, uint32_t from, uint32_t to) {
  if (from == to) return bits;
  return from < to ? _mm512_slli_epi16(bits, to - from) : _mm512_srli_epi16(bits, from - to);
}

inline TwoQuads QuadPair(const BrickQ4_K& brick, uint32_t group, uint32_t p) {
  return NibblePair(brick.codes[group][p]);
}
inline TwoQuads QuadPair(const BrickQ5_K& brick, uint32_t group, uint32_t p) {
  const __m512i high = Load(brick.high[group]), mask = _mm512_set1_epi8(16);
  TwoQuads quads = NibblePair(brick.codes[group][p]);
  quads.q[0] = OrMasked(quads.q[0], MovedBits(high, 2 * p, 4), mask);
  quads.q[1] = OrMasked(quads.q[1], MovedBits(high, 2 * p + 1, 4), mask);
  return quads;
}
inline TwoQuads QuadPair(const BrickQ6_K& brick, uint32_t group, uint32_t p) {
  const __m512i high = Load(brick.high[2 * group + p / 2]), mask = _mm512_set1_epi8(0x30);
  TwoQuads quads = NibblePair(brick.codes[group][p]);
  quads.q[0] = OrMasked(quads.q[0], MovedBits(high, p % 2 * 4, 4), mask);
  quads.q[1] = OrMasked(quads.q[1], MovedBits(high, p % 2 * 4 + 2, 4), mask);
  return quads;
}
template <class Brick>
inline TwoQuads LowPair(const Brick& brick, uint32_t group, uint32_t p) {
  const __m512i mask = _mm512_set1_epi8(3), x = Load(brick.low[2 * group + p / 2]);
  return {{_mm512_and_si512(MovedBits(x, p % 2 * 4, 0), mask),
           _mm512_and_si512(MovedBits(x, p % 2 * 4 + 2, 0), mask)}};
}
inline TwoQuads QuadPair(const BrickQ2_K& brick, uint32_t group, uint32_t p) {
  return LowPair(brick, group, p);
}
inline TwoQuads QuadPair(const BrickQ3_K& brick, uint32_t group, uint32_t p) {
  const __m512i high = Load(brick.high[group]), mask = _mm512_set1_epi8(4);
  TwoQuads quads = LowPair(brick, group, p);
  quads.q[0] = OrMasked(quads.q[0], MovedBits(high, 2 * p, 2), mask);
  quads.q[1] = OrMasked(quads.q[1], MovedBits(high, 2 * p + 1, 2), mask);
  return quads;
}

// What stands before is computed before: else compilers unpack everything first, for which there
// are not enough registers.
inline void KeepOrder() { asm volatile("" ::: "memory"); }

// A group's scales, of 16 rows.
template <SmallBlockType kType>
inline __m512 ScalesOf(const uint8_t* scales, uint32_t group) {
  constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  if constexpr (kLayout.wide_scale) return _mm512_load_ps(scales + group * 64);
  return Half(scales + group * 32);
}

// What a codebook's codes stand for, less their zero of 128, as 8-bit codes.
inline __m512i CodebookTable(Codebook codebook) {
  const __m128i values = Load16(kCodebookValues[static_cast<size_t>(codebook)]);
  return _mm512_broadcast_i32x4(_mm_xor_si128(values, _mm_set1_epi8(-128)));
}

// Codes as unsigned bytes, `zero` too large (128 for bytes and for a codebook's).
template <SmallBlockType kType>
inline Quads GroupOf(const uint8_t* codes, [[maybe_unused]] const uint8_t* high) {
  constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  Quads quads;
  if constexpr (kLayout.bits == 8) {
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; ++q) quads.q[q] = Load(codes + q * 64);
  } else {
    const __m512i low = _mm512_set1_epi8(15);
#pragma GCC unroll 4
    for (uint32_t p = 0; p < 4; ++p) {
      const __m512i x = Load(codes + p * 64);
      quads.q[2 * p] = _mm512_and_si512(x, low);
      quads.q[2 * p + 1] = _mm512_and_si512(_mm512_srli_epi16(x, 4), low);
    }
  }
  if constexpr (kLayout.codebook != Codebook::kNone) {
    const __m512i table = CodebookTable(kLayout.codebook);
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; ++q) quads.q[q] = _mm512_shuffle_epi8(table, quads.q[q]);
  }
  if constexpr (kLayout.bits == 5) {
    const __m512i bits = Load(high), mask = _mm512_set1_epi8(16);
#pragma GCC unroll 8
    for (uint32_t q = 0; q < 8; ++q) {  // Bit q to bit 4.
      const __m512i moved = q < 4 ? _mm512_slli_epi16(bits, 4 - q) : _mm512_srli_epi16(bits, q - 4);
      quads.q[q] = OrMasked(quads.q[q], moved, mask);
    }
  }
  return quads;
}

// The quads 2p and 2p + 1 of GroupOf.
template <SmallBlockType kType>
inline TwoQuads QuadPairOf(const uint8_t* codes, [[maybe_unused]] const uint8_t* high, uint32_t p) {
  constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  if constexpr (kLayout.bits == 8) return {{Load(codes + p * 128), Load(codes + p * 128 + 64)}};
  TwoQuads quads = NibblePair(codes + p * 64);
  if constexpr (kLayout.codebook != Codebook::kNone) {
    const __m512i table = CodebookTable(kLayout.codebook);
    quads.q[0] = _mm512_shuffle_epi8(table, quads.q[0]);
    quads.q[1] = _mm512_shuffle_epi8(table, quads.q[1]);
  }
  if constexpr (kLayout.bits == 5) {
    const __m512i bits = Load(high), mask = _mm512_set1_epi8(16);
    quads.q[0] = OrMasked(quads.q[0], MovedBits(bits, 2 * p, 4), mask);
    quads.q[1] = OrMasked(quads.q[1], MovedBits(bits, 2 * p + 1, 4), mask);
  }
  return quads;
}

}  // namespace
}  // namespace ingle
