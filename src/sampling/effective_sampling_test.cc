#include "sampling/effective_sampling.h"

#include <gtest/gtest.h>

#include <set>

#include "sampling/penalty_window.h"

namespace ingle {
namespace {

TEST(EffectiveSampling, BuiltInDefaults) {
  EffectiveSampling e = ResolveSampling({}, {}, {}, 77);
  EXPECT_EQ(e.temperature.value, 0.8);
  EXPECT_EQ(e.top_k.value, 40);
  EXPECT_EQ(e.top_p.value, 0.95);
  EXPECT_EQ(e.min_p.value, 0.05);
  EXPECT_EQ(e.repetition_penalty.value, 1.0);
  EXPECT_EQ(e.temperature.origin, Origin::kBuiltIn);
  EXPECT_EQ(e.seed.value, 77u);
  EXPECT_EQ(e.seed.origin, Origin::kDrawn);
}

TEST(EffectiveSampling, RequestBeforeServerBeforeModel) {
  SamplingRequest request, server, model;
  model.temperature = 0.1;
  model.top_p = 0.2;
  model.min_p = 0.3;
  model.top_k = 4;
  server.temperature = 0.5;
  server.top_p = 0.6;
  server.seed = 9;
  request.temperature = 0.7;
  request.logit_bias = {{1, 2.0}};
  server.logit_bias = {{3, 4.0}};
  EffectiveSampling e = ResolveSampling(request, server, model, 77);
  EXPECT_EQ(e.temperature.value, 0.7);
  EXPECT_EQ(e.temperature.origin, Origin::kRequest);
  EXPECT_EQ(e.top_p.value, 0.6);
  EXPECT_EQ(e.top_p.origin, Origin::kServer);
  EXPECT_EQ(e.min_p.value, 0.3);
  EXPECT_EQ(e.min_p.origin, Origin::kModel);
  EXPECT_EQ(e.top_k.value, 4);
  EXPECT_EQ(e.top_k.origin, Origin::kModel);
  EXPECT_EQ(e.typical_p.origin, Origin::kBuiltIn);
  EXPECT_EQ(e.seed.value, 9u);
  EXPECT_EQ(e.seed.origin, Origin::kServer);
  ASSERT_EQ(e.logit_bias.size(), 1u);
  EXPECT_EQ(e.logit_bias[0].first, 1);
}

TEST(EffectiveSampling, DrawnSeedsDifferAndSurviveADouble) {
  std::set<uint64_t> seeds;
  for (int i = 0; i < 50; ++i) {
    uint64_t seed = DrawSeed();
    seeds.insert(seed);
    EXPECT_EQ(static_cast<uint64_t>(static_cast<double>(seed)), seed);
  }
  EXPECT_EQ(seeds.size(), 50u);
}

TEST(PenaltyWindow, CountsTheLastN) {
  PenaltyWindow window(3);
  for (int32_t token : {1, 1, 2, 3, 1}) window.Push(token);  // Last three: 2 3 1.
  EXPECT_EQ(window.counts().size(), 3u);
  EXPECT_EQ(window.counts().at(1), 1u);
  window.Push(1);
  window.Push(1);
  EXPECT_EQ(window.counts().size(), 1u);
  EXPECT_EQ(window.counts().at(1), 3u);
  PenaltyWindow off(0);
  off.Push(1);
  EXPECT_TRUE(off.counts().empty());
}

}  // namespace
}  // namespace ingle
