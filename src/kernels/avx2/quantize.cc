// Activations of one token; the same bytes as portable/quantize.cc.
#include <immintrin.h>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx2Quantize;

namespace {

constexpr int32_t kInfinityBits = 0x7f800000, kNanBits = 0x7fc00000;

inline __m256i MagnitudeBits(__m256 x) {
  return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff));
}

inline float FromBits(int32_t bits) {
  return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(bits)));
}

inline int32_t MaxLane(__m256i x) {
  __m128i m = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
  m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1));
  return _mm_cvtsi128_si32(m);
}

// What maps a group's values to -127..127, and the scale that undoes it. Zeros for a tiny group;
// for one that is not finite zeros and a scale of NaN.
struct GroupScale {
  float inverse, d;
};

inline GroupScale ScaleOf(int32_t max_bits) {
  if (max_bits >= kInfinityBits) return {0.0f, FromBits(kNanBits)};
  const float max = FromBits(max_bits);
  if (max < kSmallestGroupMaximum) return {0.0f, 0.0f};
  return {127.0f / max, max / 127.0f};
}

// 32 values to int8, nearest even; all zero where the inverse is, even if x is not finite.
inline __m256i Round32(const float* x, float inverse) {
  if (inverse == 0.0f) return _mm256_setzero_si256();
  const __m256 scale = _mm256_set1_ps(inverse);
  __m256i q[4];
  for (uint32_t i = 0; i < 4; ++i) {
    q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), scale));
  }
  const __m256i words01 = _mm256_packs_epi32(q[0], q[1]), words23 = _mm256_packs_epi32(q[2], q[3]);
  const __m256i bytes =
      _mm256_packs_epi16(words01, words23);  // Fours in the order 0 2 4 6 1 3 5 7.
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

struct Sums {
  int32_t of16[2];
};

// Of unsigned bytes.
inline Sums SumsOfBytes(__m256i bytes) {
  const __m256i sums = _mm256_sad_epu8(bytes, _mm256_setzero_si256());
  return {{_mm256_extract_epi32(sums, 0) + _mm256_extract_epi32(sums, 2),
           _mm256_extract_epi32(sums, 4) + _mm256_extract_epi32(sums, 6)}};
}

inline Sums SumsOf16(__m256i q) {
  // Bytes q + 128 add up to 128 * 16 more.
  const Sums sums = SumsOfBytes(_mm256_xor_si256(q, _mm256_set1_epi8(-128)));
  return {{sums.of16[0] - 2048, sums.of16[1] - 2048}};
}

inline int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }

void QuantizeQ8x256(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x256*>(out);
  for (uint32_t b = 0; b < cols / kBrickK; ++b, x += kBrickK) {
    ActivationQ8x256& block = blocks[b];
    __m256i max = _mm256_setzero_si256();
    for (uint32_t i = 0; i < kBrickK; i += 8) {
      max = _mm256_max_epi32(max, MagnitudeBits(_mm256_loadu_ps(x + i)));
    }
    const GroupScale scale = ScaleOf(MaxLane(max));
    int32_t most16 = 0, most32 = 0;
    for (uint32_t g = 0; g < 8; ++g) {
      const __m256i q = Round32(x + g * 32, scale.inverse);
      _mm256_store_si256(reinterpret_cast<__m256i*>(block.q + g * 32), q);
      const Sums sums = SumsOf16(q);
      for (uint32_t i = 0; i < 2; ++i) {
        block.sum16[2 * g + i] = static_cast<int16_t>(sums.of16[i]);
        block.minus_32_sums[2 * g + i] = -32 * sums.of16[i];
      }
      const int32_t sum32 = sums.of16[0] + sums.of16[1];
      block.sum32[g] = static_cast<int16_t>(sum32);
      const Sums sizes = SumsOfBytes(_mm256_abs_epi8(q));
      most16 = Max(most16, Max(sizes.of16[0], sizes.of16[1]));
      // Magnitudes and the sum's add up to twice those of the sign that has more.
      const int32_t size32 = sizes.of16[0] + sizes.of16[1];
      most32 = Max(most32, (size32 + Max(sum32, -sum32)) / 2);
    }
    block.most16 = static_cast<uint16_t>(most16);
    block.most32 = static_cast<uint16_t>(most32);
    block.d = scale.d;
    __builtin_memset(block.padding, 0, sizeof(block.padding));
  }
}

void QuantizeQ8x32(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x32*>(out);
  const uint32_t groups = cols / kGroupK;
  for (uint32_t b = 0; b * 8 < groups; ++b) {
    ActivationQ8x32& block = blocks[b];
    if (groups - b * 8 < 8) __builtin_memset(&block, 0, sizeof(block));
    for (uint32_t g = 0; g < 8 && b * 8 + g < groups; ++g, x += kGroupK) {
      __m256i max = _mm256_setzero_si256();
      for (uint32_t i = 0; i < 32; i += 8) {
        max = _mm256_max_epi32(max, MagnitudeBits(_mm256_loadu_ps(x + i)));
      }
      const GroupScale scale = ScaleOf(MaxLane(max));
      const __m256i q = Round32(x, scale.inverse);
      _mm256_store_si256(reinterpret_cast<__m256i*>(block.q[g]), q);
      const Sums sums = SumsOf16(q);
      block.minus_8_sums[g] = -8 * (sums.of16[0] + sums.of16[1]);
      block.d[g] = scale.d;
    }
  }
}

inline __m256i Select(__m256i mask, __m256i yes, __m256i no) {
  return _mm256_blendv_epi8(no, yes, mask);
}

// Nearest bf16, ties to even, as floats. Subnormals are zero; a NaN stays one.
inline __m256 RoundToBf16(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i magnitude = MagnitudeBits(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(kInfinityBits));
  rounded = Select(nan, _mm256_or_si256(bits, _mm256_set1_epi32(0x400000)), rounded);
  const __m256i tiny = _mm256_cmpgt_epi32(_mm256_set1_epi32(0x00800000), magnitude);
  rounded = Select(tiny, _mm256_and_si256(bits, _mm256_set1_epi32(INT32_MIN)), rounded);
  return _mm256_castsi256_ps(
      _mm256_and_si256(rounded, _mm256_set1_epi32(static_cast<int32_t>(0xffff0000u))));
}

// Eight values from x + i; those from `cols` on are zero.
inline __m256 LoadUpTo(const float* x, uint32_t i, uint32_t cols) {
  if (i + 8 <= cols) return _mm256_loadu_ps(x + i);
  float part[8] = {};
  for (uint32_t j = 0; i + j < cols; ++j) part[j] = x[i + j];
  return _mm256_loadu_ps(part);
}

// Eight values that are bf16 already, as floats and as their bits.
inline void StoreBf16(__m256 value, float* x, uint16_t* bits) {
  _mm256_store_ps(x, value);
  const __m256i high = _mm256_srli_epi32(_mm256_castps_si256(value), 16);
  const __m128i packed =
      _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
  _mm_store_si128(reinterpret_cast<__m128i*>(bits), packed);
}

void QuantizeBf16(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 8) {
    ActivationBf16& block = blocks[i / 32];
    StoreBf16(RoundToBf16(LoadUpTo(x, i, cols)), block.x + i % 32, block.bits + i % 32);
  }
}

void QuantizeBf16x2(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16x2*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 8) {
    const __m256 value = LoadUpTo(x, i, cols);
    const __m256 hi = RoundToBf16(value);
    const __m256 lo = RoundToBf16(_mm256_sub_ps(value, hi));
    ActivationBf16x2& block = blocks[i / 32];
    StoreBf16(hi, block.hi + i % 32, block.hi_bits + i % 32);
    StoreBf16(lo, block.lo + i % 32, block.lo_bits + i % 32);
  }
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.quantize[kActivationBf16] = QuantizeBf16;
  table.quantize[kActivationBf16x2] = QuantizeBf16x2;
  table.quantize[kActivationQ8x32] = QuantizeQ8x32;
  table.quantize[kActivationQ8x256] = QuantizeQ8x256;
  return table;
}

}  // namespace

constinit const MatmulKernels kAvx2Quantize = Table();

}  // namespace ingle
