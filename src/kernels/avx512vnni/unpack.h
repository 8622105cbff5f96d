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

// A group's scales, of 16 rows.
template <SmallBlockType kType>
inline __m512 ScalesOf(const uint8_t* scales, uint32_t group) {
  constexpr SmallBlockLayout kLayout = LayoutOf(kType);
  if constexpr (kLayout.wide_scale) return _mm512_load_ps(scales + group * 64);
  return Half(scales + group * 32);
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
    const __m128i values = _mm_load_si128(
        reinterpret_cast<const __m128i*>(kCodebookValues[static_cast<size_t>(kLayout.codebook)]));
    const __m512i table =  // Less their zero of 128, as 8-bit codes.
        _mm512_broadcast_i32x4(_mm_xor_si128(values, _mm_set1_epi8(-128)));
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

}  // namespace
}  // namespace ingle
