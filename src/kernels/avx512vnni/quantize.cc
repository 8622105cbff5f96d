// Activations of one token; the same bytes as portable/quantize.cc.
#include <immintrin.h>

#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kAvx512VnniQuantize;

namespace {

constexpr int32_t kInfinityBits = 0x7f800000, kNanBits = 0x7fc00000;

inline __m512i MagnitudeBits(__m512 x) {
  return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
}

inline float FromBits(int32_t bits) {
  return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(bits)));
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

// Sixteen values to int8, nearest even. Groups with an inverse of zero are zero even where x is not
// finite.
inline __m128i Round(__m512 x, __m512 inverse, __mmask16 nonzero) {
  const __m512i q = _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
  return _mm512_maskz_cvtepi32_epi8(nonzero, q);
}

inline int32_t SumOf16(__m128i q) {
  // Bytes q + 128 add up to 128 * 16 more.
  const __m128i sums = _mm_sad_epu8(_mm_xor_si128(q, _mm_set1_epi8(-128)), _mm_setzero_si128());
  return static_cast<int32_t>(_mm_extract_epi16(sums, 0) + _mm_extract_epi16(sums, 4)) - 2048;
}

// Of the codes of a block: their sums over groups, and what bounds products with them.
void StoreSums(ActivationQ8x256& block) {
  const __m512i zero = _mm512_setzero_si512();
  __m512i most16 = zero, most32 = zero;
#pragma GCC unroll 4
  for (uint32_t i = 0; i < 4; ++i) {  // 64 codes; 128 bits hold the sums of 16, twice.
    const __m512i q = _mm512_load_si512(block.q + i * 64);
    const __m512i sums = _mm512_sad_epu8(_mm512_xor_si512(q, _mm512_set1_epi8(-128)), zero);
    // Bytes q + 128 add up to 128 * 16 more.
    const __m512i of16 = _mm512_sub_epi64(
        _mm512_add_epi64(sums, _mm512_shuffle_epi32(sums, _MM_PERM_BADC)), _mm512_set1_epi64(2048));
    const __m512i magnitudes = _mm512_sad_epu8(_mm512_abs_epi8(q), zero);
    const __m512i size16 =
        _mm512_add_epi64(magnitudes, _mm512_shuffle_epi32(magnitudes, _MM_PERM_BADC));
    const __m512i of32 = _mm512_add_epi64(of16, _mm512_shuffle_i64x2(of16, of16, 0xb1));
    const __m512i size32 = _mm512_add_epi64(size16, _mm512_shuffle_i64x2(size16, size16, 0xb1));
    most16 = _mm512_max_epi64(most16, size16);
    // Magnitudes and the sum's add up to twice those of the sign that has more.
    most32 = _mm512_max_epi64(most32, _mm512_add_epi64(size32, _mm512_abs_epi64(of32)));
    const __m512i each = _mm512_maskz_compress_epi64(0x55, of16);
    _mm_storel_epi64(reinterpret_cast<__m128i*>(block.sum16 + i * 4), _mm512_cvtepi64_epi16(each));
    const __m128i each32 = _mm256_castsi256_si128(_mm512_cvtepi64_epi32(each));
    _mm_store_si128(reinterpret_cast<__m128i*>(block.minus_32_sums + i * 4),
                    _mm_sub_epi32(_mm_setzero_si128(), _mm_slli_epi32(each32, 5)));
    _mm_storeu_si32(block.sum32 + i * 2,
                    _mm512_cvtepi64_epi16(_mm512_maskz_compress_epi64(0x11, of32)));
  }
  block.most16 = static_cast<uint16_t>(_mm512_reduce_max_epi64(most16));
  block.most32 = static_cast<uint16_t>(_mm512_reduce_max_epi64(most32) / 2);
}

void QuantizeQ8x256(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationQ8x256*>(out);
  for (uint32_t b = 0; b < cols / kBrickK; ++b, x += kBrickK) {
    ActivationQ8x256& block = blocks[b];
    __m512i max = _mm512_setzero_si512();
    for (uint32_t i = 0; i < kBrickK; i += 16) {
      max = _mm512_max_epi32(max, MagnitudeBits(_mm512_loadu_ps(x + i)));
    }
    const GroupScale scale = ScaleOf(_mm512_reduce_max_epi32(max));
    const __m512 inverse = _mm512_set1_ps(scale.inverse);
    const __mmask16 nonzero = scale.inverse != 0.0f ? 0xffff : 0;
    for (uint32_t g = 0; g < 16; ++g) {
      const __m128i q = Round(_mm512_loadu_ps(x + g * 16), inverse, nonzero);
      _mm_store_si128(reinterpret_cast<__m128i*>(block.q + g * 16), q);
    }
    StoreSums(block);
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
      const __m512 x0 = _mm512_loadu_ps(x), x1 = _mm512_loadu_ps(x + 16);
      const GroupScale scale =
          ScaleOf(_mm512_reduce_max_epi32(_mm512_max_epi32(MagnitudeBits(x0), MagnitudeBits(x1))));
      const __m512 inverse = _mm512_set1_ps(scale.inverse);
      const __mmask16 nonzero = scale.inverse != 0.0f ? 0xffff : 0;
      const __m128i q0 = Round(x0, inverse, nonzero), q1 = Round(x1, inverse, nonzero);
      _mm_store_si128(reinterpret_cast<__m128i*>(block.q[g]), q0);
      _mm_store_si128(reinterpret_cast<__m128i*>(block.q[g] + 16), q1);
      block.minus_8_sums[g] = -8 * (SumOf16(q0) + SumOf16(q1));
      block.d[g] = scale.d;
    }
  }
}

// Nearest bf16, ties to even, as floats. Subnormals are zero; a NaN stays one.
inline __m512 RoundToBf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i magnitude = MagnitudeBits(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(kInfinityBits));
  rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  const __mmask16 tiny = _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(0x00800000));
  rounded = _mm512_mask_and_epi32(rounded, tiny, bits, _mm512_set1_epi32(INT32_MIN));
  return _mm512_castsi512_ps(
      _mm512_and_si512(rounded, _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u))));
}

// Sixteen values from x + i; those from `cols` on are zero.
inline __m512 LoadUpTo(const float* x, uint32_t i, uint32_t cols) {
  if (i + 16 <= cols) return _mm512_loadu_ps(x + i);
  if (i >= cols) return _mm512_setzero_ps();
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << (cols - i)) - 1), x + i);
}

// Sixteen values that are bf16 already, as floats and as their bits.
inline void StoreBf16(__m512 value, float* x, uint16_t* bits) {
  _mm512_store_ps(x, value);
  const __m512i high = _mm512_srli_epi32(_mm512_castps_si512(value), 16);
  _mm256_store_si256(reinterpret_cast<__m256i*>(bits), _mm512_cvtepi32_epi16(high));
}

void QuantizeBf16(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 16) {
    ActivationBf16& block = blocks[i / 32];
    StoreBf16(RoundToBf16(LoadUpTo(x, i, cols)), block.x + i % 32, block.bits + i % 32);
  }
}

void QuantizeBf16x2(const float* x, uint32_t cols, uint8_t* out) {
  auto* blocks = reinterpret_cast<ActivationBf16x2*>(out);
  const uint32_t end = (cols + 31) / 32 * 32;
  for (uint32_t i = 0; i < end; i += 16) {
    const __m512 value = LoadUpTo(x, i, cols);
    const __m512 hi = RoundToBf16(value);
    const __m512 lo = RoundToBf16(_mm512_sub_ps(value, hi));
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

constinit const MatmulKernels kAvx512VnniQuantize = Table();

}  // namespace ingle
