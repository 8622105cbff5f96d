#include "kernels/dispatch.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

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
    for (size_t type = 0; type < kWeightTypes; ++type) {
      if (halves_only && type != kWeightBf16 && type != kWeightF16) continue;
      EXPECT_NE(tiers[i]->matmul.multiply[type], tiers[i + 1]->matmul.multiply[type])
          << tiers[i]->name << " type " << type;
    }
  }
}

TEST(Dispatch, ForcesByNameAndRefusesTheRest) {
  for (const Kernels* kernels : SupportedKernels()) {
    EXPECT_EQ(SelectKernels(kernels->name).value(), kernels);
  }
  EXPECT_EQ(SelectKernels("").value(), SupportedKernels().front());
  for (const char* name : {"nonsense", "amx", "AVX2", "avx", "portable "}) {
    const auto kernels = SelectKernels(name);
    ASSERT_FALSE(kernels.has_value()) << name;
    EXPECT_EQ(kernels.error().code, ErrorCode::kInvalidRequest);
    EXPECT_NE(kernels.error().message.find(name), std::string::npos);
    EXPECT_NE(kernels.error().message.find("portable"), std::string::npos);
  }
}

TEST(Dispatch, KernelThreadsFlushSubnormals) {
  EnterKernelThread();
  volatile float tiny = std::numeric_limits<float>::min();
  EXPECT_EQ(tiny * 0.5f, 0.0f);
  volatile float subnormal = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(subnormal * 1e30f, 0.0f);
}

}  // namespace
}  // namespace ingle
