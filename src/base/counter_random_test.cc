#include "base/counter_random.h"

#include <gtest/gtest.h>

#include <set>

namespace ingle {
namespace {

using Words = std::array<uint32_t, 4>;

// The known-answer vectors that the authors publish with Random123 (kat_vectors, philox4x32 10).
TEST(CounterRandom, KnownAnswers) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRandom, DrawDependsOnEveryInput) {
  std::set<double> draws;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40})
    for (uint64_t position : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40})
      for (auto purpose : {DrawPurpose::kToken, DrawPurpose::kXtc, DrawPurpose::kTest})
        draws.insert(UniformDraw(seed, position, purpose));
  EXPECT_EQ(draws.size(), 27u);
}

TEST(CounterRandom, IsUniform) {
  constexpr int kDraws = 100000, kBins = 100;
  std::array<int, kBins> bins{};
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    double u = UniformDraw(7, static_cast<uint64_t>(i), DrawPurpose::kTest);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    ++bins[static_cast<size_t>(u * kBins)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.004);  // Four standard errors.
  double chi2 = 0, expected = double{kDraws} / kBins;
  for (int count : bins) chi2 += (count - expected) * (count - expected) / expected;
  EXPECT_LT(chi2, 149.0);  // 99.9 % quantile with 99 degrees of freedom.
}

}  // namespace
}  // namespace ingle
