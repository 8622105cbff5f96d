#pragma once
// The vector type of kernels/generic/lanes.h with 16 lanes.

#include <immintrin.h>

#include <cstdint>

namespace ingle {
namespace {

struct Vector {
  static constexpr uint32_t kWidth = 16;
  static constexpr uint32_t kAttentionRows = 8;
  static constexpr uint32_t kAttentionScores = 8;  // Rows times groups of keys.
  static constexpr uint32_t kAttentionSums = 24;   // Of 32 registers.
  static constexpr uint32_t kAttentionIntegers = 24;
  __m512 v;

  static Vector Load(const float* p) { return {_mm512_loadu_ps(p)}; }
  void Store(float* p) const { _mm512_storeu_ps(p, v); }
  static Vector Set(float f) { return {_mm512_set1_ps(f)}; }
  using Flags = __mmask16;
  static Flags NoFlags() { return 0; }
  static bool AnySet(Flags flags) { return flags != 0; }
  static Vector Zero() { return {_mm512_setzero_ps()}; }
  static Vector PairEven(const uint8_t* p) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16))};
  }
  static Vector PairOdd(const uint8_t* p) {
    const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
    return {_mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), high))};
  }
  static Vector Bf16s(const uint8_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16))};
  }
  void StoreWords(int16_t* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(v)));
  }

  struct CodePairs {
    __m512i v;
    static CodePairs Load(const uint8_t* p) {
      return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
    }
  };
  struct WordPair {
    __m512i v;
    static WordPair Load(const int16_t* p) {
      int32_t pair;
      __builtin_memcpy(&pair, p, sizeof pair);
      return {_mm512_set1_epi32(pair)};
    }
  };
  struct IntegerSums {
    __m512i v;
    static IntegerSums Zero() { return {_mm512_setzero_si512()}; }
    Vector ToFloats() const { return {_mm512_cvtepi32_ps(v)}; }
  };
};

inline Vector Add(Vector a, Vector b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vector Sub(Vector a, Vector b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vector Mul(Vector a, Vector b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vector Div(Vector a, Vector b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Vector Neg(Vector a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))}; }
inline Vector Min(Vector a, Vector b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Vector Max(Vector a, Vector b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Vector Sqrt(Vector a) { return {_mm512_sqrt_ps(a.v)}; }
inline Vector Fma(Vector a, Vector b, Vector c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
inline Vector SwapPairs(Vector a) { return {_mm512_permute_ps(a.v, 0xb1)}; }
inline Vector PowerOfTwo(Vector v, Vector n) {
  const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(n.v), 23);
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(v.v), power))};
}
inline Vector Magnitude(Vector a) { return {_mm512_abs_ps(a.v)}; }
inline Vector MaxBits(Vector a, Vector b) {
  return {
      _mm512_castsi512_ps(_mm512_max_epu32(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))};
}
inline Vector::IntegerSums MultiplyAdd(Vector::CodePairs a, Vector::WordPair b,
                                       Vector::IntegerSums c) {
  // GCC 12 copies the sums of the intrinsic, once per product.
  asm("vpdpwssd %2, %1, %0" : "+v"(c.v) : "v"(a.v), "v"(b.v));
  return c;
}
inline Vector::IntegerSums Plus(Vector::IntegerSums a, Vector::IntegerSums b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
inline Vector::Flags NotAtMost(Vector v, Vector limit) {
  return _mm512_cmp_ps_mask(v.v, limit.v, _CMP_NLE_UQ);
}
inline Vector KeepWhereAtLeast(Vector v, Vector x, Vector limit) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, limit.v, _CMP_GE_OQ), v.v)};
}
}  // namespace
}  // namespace ingle
