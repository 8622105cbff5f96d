#include "os/product_loops.h"

#include <cstddef>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ingle {
namespace {

constexpr size_t kValues = 256;
template <class Value, class Sum>
void PlainLoop(uint64_t rounds) {
  Value a[kValues], b[kValues];
  for (size_t i = 0; i < kValues; ++i) a[i] = b[i] = static_cast<Value>(i % 3);
  for (uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : : "r"(a), "r"(b) : "memory");
    Sum sums[16] = {};
    for (size_t i = 0; i < kValues; i += 16)
      for (size_t j = 0; j < 16; ++j) sums[j] += Sum{a[i + j]} * Sum{b[i + j]};
    asm volatile("" : : "r"(sums) : "memory");
  }
}

void PlainRead(const std::byte* from, size_t bytes) {
  const auto* words = reinterpret_cast<const uint64_t*>(from);
  uint64_t sums[8] = {};
  for (size_t i = 0; i < bytes / 8; i += 8)
    for (size_t j = 0; j < 8; ++j) sums[j] ^= words[i + j];
  for (uint64_t& sum : sums) asm volatile("" : "+r"(sum));
}

constexpr ProductLoops kPlain = {
    {kValues, PlainLoop<int16_t, int32_t>}, {kValues, PlainLoop<float, float>}, PlainRead};

#if defined(__x86_64__)

// Enough sums to hide an instruction's latency, few enough to stay in registers. All begin with
// another value, and the operands go through asm each round, so that a compiler neither merges the
// sums nor moves products out of the loop.
constexpr int kSums = 12;

[[gnu::target("avx2,fma")]] void Avx2Integers(uint64_t rounds) {
  const __m256i ones = _mm256_set1_epi16(1), b = _mm256_set1_epi8(2);
  __m256i a = _mm256_set1_epi8(3), sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_epi32(i);
  for (uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) {
      asm volatile("" : "+x"(a));
      const __m256i pairs = _mm256_maddubs_epi16(a, b);
      sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+x"(sums[i]));
}

// In assembly: of the intrinsic GCC 12 stores every sum in every round.
[[gnu::target("avx2")]] void AvxVnniIntegers(uint64_t rounds) {
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(2);
  __m256i s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a,
          s11 = a;
  const auto add = [&](__m256i& sum) __attribute__((always_inline, target("avx2"))) {
    asm volatile("%{vex%} vpdpbusd %1, %2, %0" : "+x"(sum) : "x"(a), "x"(b));
  };
  for (uint64_t round = 0; round < rounds; ++round) {
    add(s0), add(s1), add(s2), add(s3), add(s4), add(s5);
    add(s6), add(s7), add(s8), add(s9), add(s10), add(s11);
  }
}

[[gnu::target("avx2,fma")]] void Avx2Floats(uint64_t rounds) {
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f), sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  for (uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm256_fmadd_ps(a, b, sums[i]);
  }
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+x"(sums[i]));
}

[[gnu::target("avx512f,avx512bw,avx512vnni")]] void Avx512Integers(uint64_t rounds) {
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(2), sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_epi32(i);
  for (uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+v"(sums[i]));
}

[[gnu::target("avx512f")]] void Avx512Floats(uint64_t rounds) {
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f), sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_fmadd_ps(a, b, sums[i]);
  }
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+v"(sums[i]));
}

[[gnu::target("avx512f,avx512bf16")]] void Avx512Bf16(uint64_t rounds) {
  __m512i a = _mm512_set1_epi16(0x3f00), b = _mm512_set1_epi16(0x3e80);  // 0.5, 0.25
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  for (uint64_t round = 0; round < rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i)
      sums[i] =
          _mm512_dpbf16_ps(sums[i], reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  for (int i = 0; i < kSums; ++i) asm volatile("" : "+v"(sums[i]));
}

[[gnu::target("avx2")]] void Avx2Read(const std::byte* from, size_t bytes) {
  const auto* values = reinterpret_cast<const __m256i*>(from);
  __m256i sums[8] = {};
  for (size_t i = 0; i < bytes / 32; i += 8) {
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j)
      sums[j] = _mm256_xor_si256(sums[j], _mm256_load_si256(values + i + j));
  }
  for (__m256i& sum : sums) asm volatile("" : "+x"(sum));
}

[[gnu::target("avx512f")]] void Avx512Read(const std::byte* from, size_t bytes) {
  const auto* values = reinterpret_cast<const __m512i*>(from);
  __m512i sums[8] = {};
  for (size_t i = 0; i < bytes / 64; i += 8) {
#pragma GCC unroll 8
    for (size_t j = 0; j < 8; ++j)
      sums[j] = _mm512_xor_si512(sums[j], _mm512_load_si512(values + i + j));
  }
  for (__m512i& sum : sums) asm volatile("" : "+v"(sum));
}

// Tiles of 16 rows of 64 bytes: four sums of two by two operands, as the products have them.
// Assembly, because compilers know too little of what tile instructions read.
struct alignas(64) TileConfiguration {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfiguration) == 64);

void EnterTiles(const TileConfiguration& configuration, const uint8_t* values) {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl(2), Linux 5.16.
  syscall(SYS_arch_prctl, kRequestPermission, kTileData);
  asm volatile(
      "ldtilecfg %0\n\ttilezero %%tmm0\n\ttilezero %%tmm1\n\ttilezero %%tmm2\n\ttilezero %%tmm3\n\t"
      "tileloadd (%1,%2,1), %%tmm4\n\ttileloadd (%1,%2,1), %%tmm5\n\t"
      "tileloadd (%1,%2,1), %%tmm6\n\ttileloadd (%1,%2,1), %%tmm7"
      :
      : "m"(configuration), "r"(values), "r"(uint64_t{64})
      : "memory");
}

void AmxIntegers(uint64_t rounds) {
  alignas(64) const uint8_t values[1024] = {1, 2, 3};
  EnterTiles(TileConfiguration(), values);
  for (uint64_t round = 0; round < rounds; ++round)
    asm volatile(
        "tdpbusd %%tmm6, %%tmm4, %%tmm0\n\ttdpbusd %%tmm7, %%tmm4, %%tmm1\n\t"
        "tdpbusd %%tmm6, %%tmm5, %%tmm2\n\ttdpbusd %%tmm7, %%tmm5, %%tmm3" ::
            : "memory");
  asm volatile("tilerelease" ::: "memory");
}

void AmxFloats(uint64_t rounds) {
  alignas(64) const uint8_t values[1024] = {0x80, 0x3f, 0x80, 0x3f};  // 1.0, 1.0
  EnterTiles(TileConfiguration(), values);
  for (uint64_t round = 0; round < rounds; ++round)
    asm volatile(
        "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n\ttdpbf16ps %%tmm7, %%tmm4, %%tmm1\n\t"
        "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n\ttdpbf16ps %%tmm7, %%tmm5, %%tmm3" ::
            : "memory");
  asm volatile("tilerelease" ::: "memory");
}

constexpr uint64_t kTile = 16 * 16;  // Outputs of a tile.
#endif

}  // namespace

ProductLoops ProductLoopsOf(std::string_view tier) {
#if defined(__x86_64__)
  if (tier == "avx2") return {{kSums * 32, Avx2Integers}, {kSums * 8, Avx2Floats}, Avx2Read};
  if (tier == "avxvnni") return {{kSums * 32, AvxVnniIntegers}, {kSums * 8, Avx2Floats}, Avx2Read};
  if (tier == "avx512vnni")
    return {{kSums * 64, Avx512Integers}, {kSums * 16, Avx512Floats}, Avx512Read};
  if (tier == "avx512bf16")
    return {{kSums * 64, Avx512Integers}, {kSums * 32, Avx512Bf16}, Avx512Read};
  if (tier == "amx")
    return {{4 * kTile * 64, AmxIntegers}, {4 * kTile * 32, AmxFloats}, Avx512Read};
#endif
  (void)tier;
  return kPlain;
}

}  // namespace ingle
