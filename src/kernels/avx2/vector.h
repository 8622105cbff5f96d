#pragma once
// The vector type of kernels/generic/lanes.h with 8 lanes.

#include <immintrin.h>

#include <cstdint>

namespace ingle {
namespace {

struct Vector {
  static constexpr uint32_t kWidth = 8;
  static constexpr uint32_t kAttentionRows = 6;
  static constexpr uint32_t kAttentionScores = 6;  // Rows times groups of keys.
  static constexpr uint32_t kAttentionSums = 12;   // Of 16 registers.
  static constexpr uint32_t kAttentionIntegers = 12;
  __m256 v;

  static Vector Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  static Vector Set(float f) { return {_mm256_set1_ps(f)}; }
  using Flags = __m256i;
  static Flags NoFlags() { return _mm256_setzero_si256(); }
  static bool AnySet(Flags flags) { return _mm256_testz_si256(flags, flags) == 0; }
  static Vector Zero() { return {_mm256_setzero_ps()}; }
  static Vector PairEven(const uint8_t* p) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16))};
  }
  static Vector PairOdd(const uint8_t* p) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    const __m256i high = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
    return {_mm256_castsi256_ps(_mm256_and_si256(pairs, high))};
  }
  static Vector Bf16s(const uint8_t* p) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16))};
  }
  void StoreWords(int16_t* p) const {
    const __m256i words = _mm256_cvtps_epi32(v);
    const __m128i packed =
        _mm_packs_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }

  struct CodePairs {
    __m256i v;
    static CodePairs Load(const uint8_t* p) {
      return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
    }
  };
  struct WordPair {
    __m256i v;
    static WordPair Load(const int16_t* p) {
      int32_t pair;
      __builtin_memcpy(&pair, p, sizeof pair);
      return {_mm256_set1_epi32(pair)};
    }
  };
  struct IntegerSums {
    __m256i v;
    static IntegerSums Zero() { return {_mm256_setzero_si256()}; }
    Vector ToFloats() const { return {_mm256_cvtepi32_ps(v)}; }
  };
};

inline Vector Add(Vector a, Vector b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vector Sub(Vector a, Vector b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vector Mul(Vector a, Vector b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vector Div(Vector a, Vector b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vector Neg(Vector a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline Vector Min(Vector a, Vector b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vector Max(Vector a, Vector b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vector Sqrt(Vector a) { return {_mm256_sqrt_ps(a.v)}; }
inline Vector Fma(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
inline Vector SwapPairs(Vector a) { return {_mm256_permute_ps(a.v, 0xb1)}; }
inline Vector PowerOfTwo(Vector v, Vector n) {
  const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(n.v), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v.v), power))};
}
inline Vector Magnitude(Vector a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
inline Vector MaxBits(Vector a, Vector b) {
  return {
      _mm256_castsi256_ps(_mm256_max_epu32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v)))};
}
inline Vector::IntegerSums MultiplyAdd(Vector::CodePairs a, Vector::WordPair b,
                                       Vector::IntegerSums c) {
  // GCC 12 spills the sums of the intrinsics.
  __m256i products;
  asm("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(c.v), "=&x"(products) : "x"(a.v), "x"(b.v));
  return c;
}
inline Vector::IntegerSums Plus(Vector::IntegerSums a, Vector::IntegerSums b) {
  return {_mm256_add_epi32(a.v, b.v)};
}
inline Vector::Flags NotAtMost(Vector v, Vector limit) {
  return _mm256_castps_si256(_mm256_cmp_ps(v.v, limit.v, _CMP_NLE_UQ));
}
inline Vector KeepWhereAtLeast(Vector v, Vector x, Vector limit) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, limit.v, _CMP_GE_OQ), v.v)};
}
}  // namespace
}  // namespace ingle
