#include "model/machine_limits.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/dispatch.h"
#include "model/product_loops.h"

namespace ingle {
namespace {

MachineLimitsOptions Quick(const std::string& tier) {
  MachineLimitsOptions options;
  options.tier = tier;
  options.threads = 1;
  options.read_bytes = uint64_t{8} << 20;
  options.seconds_each = 0.002;
  return options;
}

TEST(MachineLimits, EveryTierOfThisMachineIsMeasured) {
  for (const Kernels* kernels : SupportedKernels()) {
    const auto limits = MeasureMachineLimits(Quick(kernels->name));
    ASSERT_TRUE(limits) << limits.error().message;
    EXPECT_EQ(limits->tier, kernels->name);
    EXPECT_EQ(limits->threads, 1u);
    // A processor that counts in 1970s numbers, or one that is faster than any, is a mistake here.
    for (const double rate :
         {limits->read_gb_per_s, limits->integer_gmac_per_s, limits->float_gmac_per_s}) {
      EXPECT_GT(rate, 0.01) << kernels->name;
      EXPECT_LT(rate, 1e5) << kernels->name;
    }
  }
}

TEST(MachineLimits, TheTierIsTheOneThatModelsGet) {
  setenv("INGLE_FORCE_ISA", "portable", 1);
  const auto forced = MeasureMachineLimits(Quick(""));
  setenv("INGLE_FORCE_ISA", "nonsense", 1);
  const auto unknown = MeasureMachineLimits(Quick(""));
  unsetenv("INGLE_FORCE_ISA");
  ASSERT_TRUE(forced);
  EXPECT_EQ(forced->tier, "portable");
  EXPECT_FALSE(unknown);
}

TEST(MachineLimits, TooMuchMemoryIsRefused) {
  MachineLimitsOptions options = Quick("portable");
  options.read_bytes = uint64_t{1} << 60;
  const auto limits = MeasureMachineLimits(options);
  ASSERT_FALSE(limits);
  EXPECT_EQ(limits.error().code, ErrorCode::kOutOfMemory);
}

TEST(ProductLoops, WiderInstructionsCountMoreProducts) {
  const ProductLoops plain = ProductLoopsOf("portable");
  EXPECT_EQ(ProductLoopsOf("a tier of next year").integers.run, plain.integers.run);
  EXPECT_GT(ProductLoopsOf("avx512vnni").integers.products_per_round,
            ProductLoopsOf("avx2").integers.products_per_round);
}

}  // namespace
}  // namespace ingle
