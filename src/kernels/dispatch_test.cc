#include "kernels/dispatch.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>

#include "kernels/tier_check.h"

namespace ingle {
namespace {

TEST(Dispatch, EveryTableIsCompleteAndThePortableOneIsLast) {
  ASSERT_FALSE(SupportedKernels().empty());
  EXPECT_STREQ(SupportedKernels().back()->name, "portable");
  for (const Kernels* kernels : SupportedKernels()) {
    for (MultiplyFunction multiply : kernels->matmul.multiply) EXPECT_NE(multiply, nullptr);
    for (QuantizeFunction quantize : kernels->matmul.quantize) EXPECT_NE(quantize, nullptr);
  }
}

// A tier that fell back to the one below would pass every test of equality.
TEST(Dispatch, TiersDifferFromTheOneBelow) {
  const auto tiers = SupportedKernels();
  for (size_t i = 0; i + 1 < tiers.size(); ++i) {
    const bool halves_only = std::string(tiers[i]->name) == "avx512bf16";
    const bool integers_only = std::string(tiers[i]->name) == "avxvnni";
    for (size_t type = 0; type < kWeightTypes; ++type) {
      if (integers_only && (type == kWeightF32 || type == kWeightBf16 || type == kWeightF16))
        continue;
      if (halves_only && type != kWeightBf16 && type != kWeightF16) continue;
      // Tiles have no product of F32.
      if (std::string(tiers[i]->name) == "amx" && type == kWeightF32) continue;
      EXPECT_NE(tiers[i]->matmul.multiply[type], tiers[i + 1]->matmul.multiply[type])
          << tiers[i]->name << " type " << type;
    }
  }
}

TEST(Dispatch, ForcesByNameAndRefusesTheRest) {
  for (const Kernels* kernels : SupportedKernels()) {
    EXPECT_EQ(SelectKernels(kernels->name).value(), kernels);
  }
  for (const char* name : {"nonsense", "AMX", "AVX2", "avx", "portable "}) {
    const auto kernels = SelectKernels(name);
    ASSERT_FALSE(kernels.has_value()) << name;
    EXPECT_EQ(kernels.error().code, ErrorCode::kInvalidRequest);
    EXPECT_NE(kernels.error().message.find(name), std::string::npos);
    EXPECT_NE(kernels.error().message.find("portable"), std::string::npos);
  }
}

#if defined(__x86_64__)
bool HasAmx() {
  std::ifstream info("/proc/cpuinfo");
  const std::string text{std::istreambuf_iterator<char>(info), {}};
  return text.find("amx_tile") != std::string::npos && text.find("amx_bf16") != std::string::npos;
}

// This program emulates tile instructions where they are missing.
TEST(Dispatch, EmulatedTilesAreTestedButNeverChosen) {
  const auto tiers = SupportedKernels();
  if (HasAmx() || !SelectKernels("avx512vnni").has_value()) {
    EXPECT_EQ(SelectKernels("").value(), tiers.front()) << RefusedTier();
  } else {
    EXPECT_STREQ(tiers.front()->name, "amx");
    EXPECT_EQ(SelectKernels("").value(), tiers[1]);  // avx512bf16 or avx512vnni.
  }
}
#endif

// As of a processor that is not what its flags promise.
TEST(TierCheck, SeesAnotherOrderOfAdditions) {
  MatmulKernels table = SupportedKernels().back()->matmul;
  const MatmulKernels oracle = table;
  EXPECT_TRUE(SameBits(table, oracle));
  static MultiplyFunction multiply = nullptr;
  for (const WeightType type : {kWeightBf16, kWeightF16, kWeightQ8_0, kWeightQ4_K}) {
    table = oracle;
    multiply = oracle.multiply[type];
    table.multiply[type] = [](const MultiplyArgs& args) {
      multiply(args);
      args.out[0] = std::nextafter(args.out[0], 1e30f);
    };
    EXPECT_FALSE(SameBits(table, oracle)) << type;
  }
}

TEST(TierCheck, SurvivesInstructionsThatTrap) {
  const MatmulKernels oracle = SupportedKernels().back()->matmul;
  EXPECT_TRUE(RunsWithSameBits(oracle, oracle));
  MatmulKernels table = oracle;
  for (const int signal : {SIGILL, SIGSEGV}) {
    static int raised = 0;
    raised = signal;
    table.multiply[kWeightF16] = [](const MultiplyArgs&) { raise(raised); };
    EXPECT_FALSE(RunsWithSameBits(table, oracle));
  }
}

TEST(Dispatch, KernelThreadsFlushSubnormals) {
  EnterKernelThread();
  volatile float tiny = std::numeric_limits<float>::min();
  EXPECT_EQ(tiny * 0.5f, 0.0f);
  volatile float subnormal = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(subnormal * 1e30f, 0.0f);
}

// The difference that docs/ARCHITECTURE.md names: the product is 2^-126 less a quarter of a step.
TEST(Dispatch, WhatRoundingLiftsToTheSmallestNormalNumberDependsOnTheProcessor) {
  EnterKernelThread();
  volatile float a = 0x1.0008p-63f, b = 0x0.fff8p-63f;
#if defined(__aarch64__)
  EXPECT_EQ(a * b, 0.0f);
#else
  EXPECT_EQ(a * b, std::numeric_limits<float>::min());
#endif
}

}  // namespace
}  // namespace ingle
