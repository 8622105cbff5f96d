#include "sampling/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sampling/log_probabilities.h"

namespace ingle {
namespace {

TEST(Weights, AreExponentials) {
  std::vector<float> x;
  for (float v = 0; v > -31; v -= 0.0173f) x.push_back(v);
  std::vector<uint64_t> weights(x.size());
  ExpWeights(x, weights);
  for (size_t i = 0; i < x.size(); ++i) {
    double want = std::exp(double{x[i]}) * 0x1p44;
    EXPECT_NEAR(static_cast<double>(weights[i]), want, want * 3e-7 + 1) << x[i];
  }
  EXPECT_EQ(weights[0], uint64_t{1} << 44);
}

TEST(Weights, FarBelowIsZero) {
  std::vector<float> x{-31.1f, -1000, -std::numeric_limits<float>::infinity(), -3e38f, 0};
  std::vector<uint64_t> weights(x.size());
  ExpWeights(x, weights);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(weights[i], 0u);
  EXPECT_EQ(weights[4], uint64_t{1} << 44);
}

TEST(Weights, SumDoesNotDependOnPlace) {
  std::vector<float> x;
  for (int i = 0; i < 1001; ++i) x.push_back(static_cast<float>((i * 7919) % 1001) * -0.02f);
  uint64_t sum = SumWeights(x, 0.0f);
  std::vector<float> reversed(x.rbegin(), x.rend());
  EXPECT_EQ(SumWeights(reversed, 0.0f), sum);
  std::vector<uint64_t> weights(x.size());
  ExpWeights(x, weights);
  uint64_t plain = 0;
  for (uint64_t w : weights) plain += w;
  EXPECT_EQ(plain, sum);
}

TEST(Weights, NaturalLog) {
  for (double x = 1e-300; x < 1e300; x *= 1.37)
    EXPECT_NEAR(NaturalLog(x), std::log(x), 4e-16 * (1 + std::abs(std::log(x))));
  EXPECT_EQ(NaturalLog(1.0), 0.0);
}

TEST(LogProbabilities, AreTheLogSoftmaxOfTheRow) {
  std::vector<float> logits{1.0f, 3.5f, -2.0f, 3.5f, -std::numeric_limits<float>::infinity(),
                            0.25f};
  LogProbabilities row;
  row.Read(logits);
  double total = 0;
  for (float l : logits) total += std::exp(double{l});
  for (int32_t i : {0, 1, 2, 3, 5})
    EXPECT_NEAR(row.Of(i), logits[static_cast<size_t>(i)] - std::log(total), 1e-6);
  SamplerScratch scratch;
  auto top = row.Top(3, &scratch);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].first, 1);  // Equal to token 3, lower id.
  EXPECT_EQ(top[1].first, 3);
  EXPECT_EQ(top[2].first, 0);
  EXPECT_DOUBLE_EQ(top[2].second, row.Of(0));
  EXPECT_EQ(row.Top(20, &scratch).size(), 5u);
}

}  // namespace
}  // namespace ingle
