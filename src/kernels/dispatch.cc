#include "kernels/dispatch.h"

#include <array>
#include <atomic>
#include <string>

#include "kernels/tables.h"
#include "kernels/tier_check.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace ingle {
namespace {

struct Cpu {
  bool avx2 = false, avxvnni = false, avx512vnni = false, avx512bf16 = false, amx = false;
  bool amd = false;
};

bool amx_is_emulated = false;
std::atomic<const Kernels*> selected = nullptr;

#if defined(__x86_64__)
constexpr uint32_t Bit(unsigned n) { return 1u << n; }
bool Has(uint32_t reg, uint32_t mask) { return (reg & mask) == mask; }

// Linux gives a process the use of tile registers when it asks (Documentation/arch/x86/xstate.rst).
bool AskForTiles() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

bool IsAmd() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0, &a, &b, &c, &d) && b == signature_AMD_ebx && c == signature_AMD_ecx &&
         d == signature_AMD_edx;
}

// Measured on an Emerald Rapids and a Zen 5 (docs/PERFORMANCE_NOTES.md): types that take much
// unpacking are unpacked less often in a panel.
void SetPairs(bool amd, MatmulKernels& table) {
  for (PairRange& pairs : table.pairs) pairs = amd ? PairRange{9, 32} : PairRange{5, 32};
  if (amd) {
    table.pairs[kWeightQ4_K].most = 64;
    return;
  }
  for (const WeightType type : {kWeightQ2_K, kWeightQ3_K, kWeightQ4_K, kWeightQ5_K, kWeightQ6_K})
    table.pairs[type].most = 20;
}

// Intel SDM, CPUID leaves 1 and 7; XCR0 says which registers the operating system saves.
Cpu Detect() {
  Cpu cpu;
  cpu.amd = IsAmd();
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
  constexpr uint32_t kTileState = 0x60000, kAmx = Bit(22) | Bit(24) | Bit(25);  // BF16 TILE INT8
  cpu.amx = cpu.avx512vnni && Has(lo, kTileState) && Has(d, kAmx) && AskForTiles();
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return cpu;
  cpu.avxvnni = cpu.avx2 && Has(a, Bit(4));
  // VDPBF16PS takes as long as an fma on AMD's processors, and four times as long on Intel's.
  cpu.avx512bf16 = cpu.avx512vnni && Has(a, Bit(5)) && cpu.amd;
  return cpu;
}
#elif defined(__aarch64__)
// The products need the dot products of Armv8.2 (sdot). Without them the portable tier runs.
bool DetectNeon() { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#endif

void Overlay(const MatmulKernels& better, MatmulKernels& table) {
  for (size_t i = 0; i < kWeightTypes; ++i)
    if (better.multiply[i]) table.multiply[i] = better.multiply[i];
  for (size_t i = 0; i < kActivationKernels; ++i)
    if (better.quantize[i]) table.quantize[i] = better.quantize[i];
}

struct Tiers {
  static constexpr size_t kMost = 6;
  std::array<Kernels, kMost> tables{};  // Worst first.
  std::array<const Kernels*, kMost> best_first{};
  size_t count = 0;
  const Kernels* best = nullptr;  // That this processor runs by itself.
  std::string_view refused;

  Kernels& Add(const char* name) {
    Kernels& table = tables[count];
    if (count > 0) table = tables[count - 1];
    table.name = name;
    ++count;
    return table;
  }

#if defined(__x86_64__)
  // Some hypervisor or later processor may not run these instructions after all, or add up BF16 in
  // another order, which is another arithmetic: then the tier below is used.
  void AddIfExact(const Kernels& tier, bool native) {
    const auto check = native ? RunsWithSameBits : SameBits;
    if (!check(tier.matmul, tables[0].matmul)) {
      --count;
      refused =
          "Of this processor's instructions for BF16 (AMX or AVX512_BF16) some add in another "
          "order than specified, so that answers would differ from those of other machines: they "
          "are not used, which is slower.";
    } else if (native) {
      best = &tier;
    }
  }

  void AddAmx(bool native) {
    Kernels& amx = Add("amx");
    Overlay(kAvx512VnniQuantize, amx.matmul);  // Not in the order of AVX512_BF16.
    for (const MatmulKernels* part : kAmxMatmul) Overlay(*part, amx.matmul);
    AddIfExact(amx, native);
  }

  void AddAvx512Bf16() {
    Kernels& avx512bf16 = Add("avx512bf16");
    Overlay(kAvx512Bf16Floats, avx512bf16.matmul);
    AddIfExact(avx512bf16, true);
  }
#endif

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
    if (cpu.avxvnni) {
      Kernels& avxvnni = Add("avxvnni");
      for (const MatmulKernels* part : kAvxVnniMatmul) Overlay(*part, avxvnni.matmul);
    }
    if (cpu.avx512vnni) {
      Kernels& avx512vnni = Add("avx512vnni");
      for (const MatmulKernels* part : kAvx512VnniMatmul) Overlay(*part, avx512vnni.matmul);
      SetPairs(cpu.amd, avx512vnni.matmul);
      avx512vnni.elementwise = kElementwiseAvx512Vnni;
      avx512vnni.attention = kAttentionAvx512Vnni;
    }
    best = &tables[count - 1];
    if (cpu.avx512bf16) AddAvx512Bf16();
    if (cpu.amx || (amx_is_emulated && cpu.avx512vnni)) AddAmx(cpu.amx);
#elif defined(__aarch64__)
    if (DetectNeon()) {
      Kernels& neon = Add("neon");
      for (const MatmulKernels* part : kNeonMatmul) Overlay(*part, neon.matmul);
      neon.elementwise = kElementwiseNeon;
      neon.attention = kAttentionNeon;
    }
    best = &tables[count - 1];
#else
    best = &tables[0];
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

std::string_view RefusedTier() { return AllTiers().refused; }

void EmulateAmx() { amx_is_emulated = true; }

Result<const Kernels*> SelectKernels(std::string_view forced) {
  const auto supported = SupportedKernels();
  if (forced.empty()) return selected = AllTiers().best;
  std::string names;
  for (const Kernels* kernels : supported) {
    if (kernels->name == forced) return selected = kernels;
    names += names.empty() ? "" : ", ";
    names += kernels->name;
  }
  return Fail(ErrorCode::kInvalidRequest,
              "INGLE_FORCE_ISA=" + std::string(forced) +
                  " names no instruction set that this processor runs; it runs " + names +
                  ". Unset it to get the best one.",
              "INGLE_FORCE_ISA");
}

const Kernels& SelectedKernels() {
  const Kernels* kernels = selected;
  return kernels ? *kernels : *AllTiers().best;
}

void EnterKernelThread() {
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  const unsigned state = _mm_getcsr();
  constexpr unsigned kBoth = kFlushToZero | kDenormalsAreZero;
  if ((state & kBoth) != kBoth) _mm_setcsr(state | kBoth);
#elif defined(__aarch64__)
  constexpr uint64_t kFlushToZero = 1u << 24;  // FPCR.FZ: of inputs and results.
  uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  if ((control & kFlushToZero) == 0) asm volatile("msr fpcr, %0" ::"r"(control | kFlushToZero));
#endif
}

}  // namespace ingle
