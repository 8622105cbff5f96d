#include "os/machine_limits.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "os/product_loops.h"

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

std::vector<std::string> Tiers() {
  std::vector<std::string> tiers{"portable"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) tiers.push_back("avx2");
  if (__builtin_cpu_supports("avxvnni")) tiers.push_back("avxvnni");
  if (__builtin_cpu_supports("avx512vnni")) tiers.push_back("avx512vnni");
  if (__builtin_cpu_supports("avx512bf16")) tiers.push_back("avx512bf16");
#endif
  return tiers;
}

TEST(MachineLimits, EveryTierOfThisMachineIsMeasured) {
  for (const std::string& tier : Tiers()) {
    const auto limits = MeasureMachineLimits(Quick(tier));
    ASSERT_TRUE(limits) << limits.error().message;
    EXPECT_EQ(limits->tier, tier);
    EXPECT_EQ(limits->threads, 1u);
    // A loop that a compiler has emptied would be faster than any processor.
    for (const double rate :
         {limits->read_gb_per_s, limits->integer_gmac_per_s, limits->float_gmac_per_s}) {
      EXPECT_GT(rate, 0.01) << tier;
      EXPECT_LT(rate, 1e4) << tier;
    }
    EXPECT_LE(limits->usual_read_gb_per_s, limits->read_gb_per_s);
    EXPECT_LE(limits->usual_integer_gmac_per_s, limits->integer_gmac_per_s);
    EXPECT_LE(limits->usual_float_gmac_per_s, limits->float_gmac_per_s);
    EXPECT_GT(limits->usual_float_gmac_per_s, 0);
  }
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
#if defined(__x86_64__)
  EXPECT_GT(ProductLoopsOf("avx512vnni").integers.products_per_round,
            ProductLoopsOf("avx2").integers.products_per_round);
#endif
}

}  // namespace
}  // namespace ingle
