#include "kernels/dispatch.h"

#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "kernels/bricks.h"
#include "kernels/tables.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>
#endif

namespace ingle {
namespace {

struct Cpu {
  bool avx2 = false, avx512vnni = false, avx512bf16 = false;
};

#if defined(__x86_64__)
constexpr uint32_t Bit(unsigned n) { return 1u << n; }
bool Has(uint32_t reg, uint32_t mask) { return (reg & mask) == mask; }

// VDPBF16PS runs at half the rate of a plain fma on Intel's processors and at its full rate on
// AMD's.
bool IsAmd() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && c == signature_AMD_ecx &&
         d == signature_AMD_edx;
}

// Intel SDM, CPUID leaves 1 and 7; XCR0 says which registers the operating system saves.
Cpu Detect() {
  Cpu cpu;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return cpu;
  constexpr uint32_t kFma = Bit(12), kOsxsave = Bit(27), kAvx = Bit(28), kF16c = Bit(29);
  if (!Has(c, kFma | kOsxsave | kAvx | kF16c)) return cpu;
  unsigned lo = 0, hi = 0;
  asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return cpu;
  const bool ymm = Has(lo, 0x6), zmm = Has(lo, 0xe6);
  constexpr uint32_t kAvx2 = Bit(5), kAvx512 = Bit(16) | Bit(17) | Bit(30) | Bit(31);  // F DQ BW VL
  cpu.avx2 = ymm && Has(b, kAvx2);
  cpu.avx512vnni = cpu.avx2 && zmm && Has(b, kAvx512) && Has(c, Bit(11));
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return cpu;
  cpu.avx512bf16 = cpu.avx512vnni && IsAmd() && Has(a, Bit(5));
  return cpu;
}
#else
Cpu Detect() { return {}; }
#endif

void Overlay(const MatmulKernels& better, MatmulKernels& table) {
  for (size_t i = 0; i < kWeightTypes; ++i)
    if (better.multiply[i]) table.multiply[i] = better.multiply[i];
  for (size_t i = 0; i < kActivationKernels; ++i)
    if (better.quantize[i]) table.quantize[i] = better.quantize[i];
}

#if defined(__x86_64__)
// The order in which VDPBF16PS adds is documented, its agreement with fma was measured: so it is
// looked at where it is used. Exponents are spread so that every other order shows.
bool AddsAsPortable(MultiplyFunction multiply) {
  constexpr uint32_t kTokens = 6, kCols = 64;
  alignas(64) BrickHalf weights[kCols / 32];
  alignas(64) ActivationBf16 activations[kTokens][kCols / 32];
  uint32_t state = 1;
  const auto next = [&] {  // Some bf16 of 2^-8 to 2^7.
    state = state * 1664525u + 1013904223u;
    return (state >> 16 & 0x807fu) | (119 + (state >> 8) % 16) << 7;
  };
  for (BrickHalf& brick : weights)
    for (auto& pair : brick.w)
      for (auto& row : pair)
        for (uint16_t& w : row) w = static_cast<uint16_t>(next());
  for (auto& token : activations)
    for (ActivationBf16& group : token)
      for (float& x : group.x) x = std::bit_cast<float>(next() << 16);
  float want[kTokens][kTileRows], got[kTokens][kTileRows];
  MultiplyArgs args = {reinterpret_cast<const uint8_t*>(weights),
                       kTileRows,
                       kCols,
                       reinterpret_cast<const uint8_t*>(activations),
                       sizeof(activations[0]),
                       kTokens,
                       want[0],
                       kTileRows};
  kPortableFloats.multiply[kWeightBf16](args);
  args.out = got[0];
  multiply(args);
  return std::memcmp(want, got, sizeof(want)) == 0;
}
#endif

struct Tiers {
  std::array<Kernels, 4> tables{};  // Worst first.
  std::array<const Kernels*, 4> best_first{};
  size_t count = 0;

  Kernels& Add(const char* name) {
    Kernels& table = tables[count];
    if (count > 0) table = tables[count - 1];
    table.name = name;
    ++count;
    return table;
  }

  Tiers() {
    Kernels& portable = Add("portable");
    for (const MatmulKernels* part : kPortableMatmul) Overlay(*part, portable.matmul);
    portable.elementwise = kElementwisePortable;
    portable.attention = kAttentionPortable;
#if defined(__x86_64__)
    const Cpu cpu = Detect();
    if (cpu.avx2) {
      Kernels& avx2 = Add("avx2");
      for (const MatmulKernels* part : kAvx2Matmul) Overlay(*part, avx2.matmul);
      avx2.elementwise = kElementwiseAvx2;
      avx2.attention = kAttentionAvx2;
    }
    if (cpu.avx512vnni) {
      Kernels& avx512vnni = Add("avx512vnni");
      for (const MatmulKernels* part : kAvx512VnniMatmul) Overlay(*part, avx512vnni.matmul);
      avx512vnni.elementwise = kElementwiseAvx512Vnni;
      avx512vnni.attention = kAttentionAvx512Vnni;
    }
    if (cpu.avx512bf16 && AddsAsPortable(kAvx512Bf16Floats.multiply[kWeightBf16]))
      Overlay(kAvx512Bf16Floats, Add("avx512bf16").matmul);
#endif
    for (size_t i = 0; i < count; ++i) best_first[i] = &tables[count - 1 - i];
  }
};

const Tiers& AllTiers() {
  static const Tiers tiers;
  return tiers;
}

}  // namespace

std::span<const Kernels* const> SupportedKernels() {
  const Tiers& tiers = AllTiers();
  return {tiers.best_first.data(), tiers.count};
}

Result<const Kernels*> SelectKernels(std::string_view forced) {
  const auto supported = SupportedKernels();
  if (forced.empty()) return supported.front();
  std::string names;
  for (const Kernels* kernels : supported) {
    if (kernels->name == forced) return kernels;
    names += names.empty() ? "" : ", ";
    names += kernels->name;
  }
  return Fail(ErrorCode::kInvalidRequest,
              "INGLE_FORCE_ISA=" + std::string(forced) +
                  " names no instruction set that this processor runs; it runs " + names +
                  ". Unset it to get the best one.",
              "INGLE_FORCE_ISA");
}

void EnterKernelThread() {
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  const unsigned state = _mm_getcsr();
  constexpr unsigned kBoth = kFlushToZero | kDenormalsAreZero;
  if ((state & kBoth) != kBoth) _mm_setcsr(state | kBoth);
#endif
}

}  // namespace ingle
