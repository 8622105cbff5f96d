#pragma once
// What the products of integer codes with AVX2 share. Compiled for AVX-VNNI, vpdpbusd adds four
// products in 32 bits; else vpmaddubsw adds two in 16.

#include <immintrin.h>

#include <cstdint>

namespace ingle {

namespace {

#ifdef __AVXVNNI__
inline constexpr bool kVnni = true;
inline __m256i AddDot(__m256i sum, __m256i w, __m256i a) {
  return _mm256_dpbusd_avx_epi32(sum, w, a);
}
inline __m256i AddWordPairs(__m256i sum, __m256i a, __m256i b) {
  return _mm256_dpwssd_avx_epi32(sum, a, b);
}
#else
inline constexpr bool kVnni = false;
// Not called:
inline __m256i AddDot(__m256i sum, __m256i, __m256i) { return sum; }
inline __m256i AddWordPairs(__m256i sum, __m256i, __m256i) { return sum; }
#endif

// Up to how many tokens unpacking anew for every four of them is cheaper than a panel.
inline constexpr uint32_t DirectMost(bool high_bits) { return kVnni || !high_bits ? 8 : 4; }

inline __m256i Load(const void* at) { return _mm256_load_si256(static_cast<const __m256i*>(at)); }
inline void Store(void* at, __m256i x) { _mm256_store_si256(static_cast<__m256i*>(at), x); }

// Four activations, or any 32 bits, in every lane.
inline __m256i Broadcast(const void* at) {
  int32_t bits;
  __builtin_memcpy(&bits, at, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

// Bits `from`... of a byte to the bits from `to` on that are in `mask`.
inline __m256i MoveBits(__m256i x, uint32_t from, uint32_t to, int mask) {
  const __m256i moved = from < to ? _mm256_slli_epi16(x, static_cast<int>(to - from))
                                  : _mm256_srli_epi16(x, static_cast<int>(from - to));
  return _mm256_and_si256(moved, _mm256_set1_epi8(static_cast<char>(mask)));
}

}  // namespace
}  // namespace ingle
