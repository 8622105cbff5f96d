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
  __m256 v;

  static Vector Load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void Store(float* p) const { _mm256_storeu_ps(p, v); }
  static Vector Set(float f) { return {_mm256_set1_ps(f)}; }
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
inline Vector KeepWhereAtLeast(Vector v, Vector x, Vector limit) {
  return {_mm256_and_ps(_mm256_cmp_ps(x.v, limit.v, _CMP_GE_OQ), v.v)};
}
}  // namespace
}  // namespace ingle
