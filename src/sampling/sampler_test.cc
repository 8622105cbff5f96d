#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include "base/counter_random.h"
#include "base/json.h"
#include "sampling/weights.h"

namespace ingle {
namespace {

json::value ReadGolden() {
  std::ifstream file(std::string(INGLE_SOURCE_DIR) + "/src/sampling/goldens/llama_chain.json");
  std::stringstream text;
  text << file.rdbuf();
  auto parsed = ParseJson(text.str(), "llama_chain.json");
  return parsed ? *parsed : json::value();
}

EffectiveSampling Settings(const json::object& s) {
  EffectiveSampling e;
  auto number = [&](const char* name, Sourced<double>* out) {
    if (const json::value* v = s.if_contains(name)) out->value = v->to_number<double>();
  };
  auto whole = [&](const char* name, Sourced<int64_t>* out) {
    if (const json::value* v = s.if_contains(name)) out->value = v->to_number<int64_t>();
  };
  number("temperature", &e.temperature);
  number("top_p", &e.top_p);
  number("min_p", &e.min_p);
  number("typical_p", &e.typical_p);
  number("repetition_penalty", &e.repetition_penalty);
  number("frequency_penalty", &e.frequency_penalty);
  number("presence_penalty", &e.presence_penalty);
  whole("top_k", &e.top_k);
  whole("repeat_last_n", &e.repeat_last_n);
  if (const json::value* bias = s.if_contains("logit_bias"))
    for (const json::value& pair : bias->as_array())
      e.logit_bias.emplace_back(pair.at(0).to_number<int32_t>(), pair.at(1).to_number<double>());
  return e;
}

struct GoldenCase {
  std::string name;
  Sampler sampler;
  std::vector<float> logits;
  std::map<int32_t, double> expected;
};

std::vector<GoldenCase> GoldenCases() {
  json::value golden = ReadGolden();
  std::vector<GoldenCase> cases;
  if (!golden.is_object()) return cases;
  for (const json::value& c : golden.at("cases").as_array()) {
    EffectiveSampling settings = Settings(c.at("settings").as_object());
    settings.seed = {4711, Origin::kRequest};
    GoldenCase out{std::string(c.at("name").as_string()), Sampler(settings, 4096), {}, {}};
    for (const json::value& token : golden.at("history").as_array())
      out.sampler.Accept(token.to_number<int32_t>());
    const auto& row =
        golden.at("logits").at(std::to_string(c.at("vocab").to_number<int>())).as_array();
    for (const json::value& logit : row)
      out.logits.push_back(static_cast<float>(logit.to_number<double>()));
    const auto& tokens = c.at("tokens").as_array();
    for (size_t i = 0; i < tokens.size(); ++i)
      out.expected[tokens[i].to_number<int32_t>()] =
          c.at("probabilities").at(i).to_number<double>();
    cases.push_back(std::move(out));
  }
  return cases;
}

TEST(SamplerChain, DistributionsEqualTheNumpyModelOfLlamaCpp) {
  auto cases = GoldenCases();
  ASSERT_GE(cases.size(), 30u);
  SamplerScratch scratch;
  for (const GoldenCase& c : cases) {
    SCOPED_TRACE(c.name);
    std::vector<float> logits = c.logits;
    auto got = c.sampler.Distribution(logits, &scratch);
    ASSERT_TRUE(got);
    std::map<int32_t, double> distribution(got->begin(), got->end());
    for (const auto& [token, p] : c.expected) {
      auto found = distribution.find(token);
      if (found == distribution.end()) {
        EXPECT_LT(p, 1e-12) << "token " << token << " is missing";
        continue;
      }
      EXPECT_NEAR(found->second, p, 2e-6) << "token " << token;
    }
    for (const auto& [token, p] : distribution)
      EXPECT_TRUE(c.expected.contains(token)) << token << " " << p;
  }
}

// Pearson's test over tokens with an expectation of at least five draws, the others pooled.
double ChiSquareZ(const std::map<int32_t, int>& counts, const std::map<int32_t, double>& expected,
                  int draws) {
  double chi2 = 0, pooled_expectation = 0;
  int pooled = 0, cells = 0;
  for (const auto& [token, p] : expected) {
    auto found = counts.find(token);
    int count = found == counts.end() ? 0 : found->second;
    if (p * draws < 5) {
      pooled += count;
      pooled_expectation += p * draws;
      continue;
    }
    chi2 += (count - p * draws) * (count - p * draws) / (p * draws);
    ++cells;
  }
  if (pooled_expectation > 5) {
    chi2 += (pooled - pooled_expectation) * (pooled - pooled_expectation) / pooled_expectation;
    ++cells;
  }
  if (cells < 2) return 0;
  double freedom = cells - 1;
  // Wilson and Hilferty: (chi2 / f)^(1/3) is close to normal.
  return (std::cbrt(chi2 / freedom) - (1 - 2 / (9 * freedom))) / std::sqrt(2 / (9 * freedom));
}

TEST(SamplerChain, HundredThousandDrawsFollowTheDistribution) {
  constexpr int kDraws = 100000;
  auto cases = GoldenCases();
  ASSERT_GE(cases.size(), 30u);
  SamplerScratch scratch;
  std::vector<float> logits;
  for (const GoldenCase& c : cases) {
    SCOPED_TRACE(c.name);
    std::map<int32_t, int> counts;
    for (int i = 0; i < kDraws; ++i) {
      logits = c.logits;
      auto token = c.sampler.Sample(logits, static_cast<uint64_t>(i), &scratch);
      ASSERT_TRUE(token.has_value() && token->has_value());
      ++counts[**token];
    }
    for (const auto& [token, count] : counts)
      EXPECT_TRUE(c.expected.contains(token)) << token << " x " << count;
    EXPECT_LT(ChiSquareZ(counts, c.expected, kDraws), 4.0);
  }
}

std::vector<float> SomeLogits(size_t n, uint64_t seed) {
  std::vector<float> logits(n);
  for (size_t i = 0; i < n; ++i)
    logits[i] = static_cast<float>(20 * UniformDraw(seed, i, DrawPurpose::kTest) - 10);
  return logits;
}

// What a full sort keeps, written without a thought for speed.
std::vector<int32_t> KeptBySorting(const std::vector<float>& logits, bool typical, double p) {
  std::vector<Candidate> all;
  for (size_t i = 0; i < logits.size(); ++i) all.push_back({logits[i], static_cast<int32_t>(i)});
  const float largest = FindLargest(logits).logit;
  std::vector<float> exponents(all.size());
  std::vector<uint64_t> weights(all.size());
  uint64_t total = 0;
  for (size_t i = 0; i < all.size(); ++i) exponents[i] = all[i].logit - largest;
  ExpWeights(exponents, weights);
  for (uint64_t weight : weights) total += weight;
  const double log_total = NaturalLog(static_cast<double>(total) * 0x1p-44);
  double entropy = log_total;
  for (size_t i = 0; i < all.size(); ++i)
    entropy -= static_cast<double>(weights[i]) / static_cast<double>(total) * exponents[i];
  const auto score = [&](const Candidate& c) {
    const float exponent = exponents[static_cast<size_t>(c.id)];
    return typical ? static_cast<float>(std::abs(log_total - exponent - entropy)) : -exponent;
  };
  std::sort(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
    return score(a) != score(b) ? score(a) < score(b) : Likelier(a, b);
  });
  const double share = static_cast<double>(total) * p;
  const uint64_t mass = typical ? static_cast<uint64_t>(share) + 1
                                : std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(share)));
  std::vector<int32_t> kept;
  uint64_t sum = 0;
  for (size_t i = 0; i < all.size() && sum < std::min(mass, total); ++i) {
    sum += weights[static_cast<size_t>(all[i].id)];
    if (weights[static_cast<size_t>(all[i].id)] > 0) kept.push_back(all[i].id);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

TEST(Sampler, TopPAndTypicalKeepWhatAFullSortKeeps) {
  SamplerScratch scratch;
  for (const size_t vocab : {1u, 7u, 300u, 5003u, 40000u})
    for (const double spread : {0.0, 0.01, 1.0, 4.0, 30.0})
      for (const double p : {1e-9, 0.1, 0.5, 0.9, 0.999, 0.9999999})
        for (const bool typical : {false, true}) {
          SCOPED_TRACE(testing::Message() << vocab << " " << spread << " " << p << " " << typical);
          std::vector<float> row(vocab);
          for (size_t i = 0; i < vocab; ++i) {
            double sum = -3;  // Every fourth on a coarse grid: ties.
            for (uint64_t j = 0; j < 6; ++j) sum += UniformDraw(i, j, DrawPurpose::kTest);
            row[i] = static_cast<float>(spread * (i % 4 == 0 ? std::round(sum) : sum));
          }
          EffectiveSampling s;
          s.top_k.value = 0;
          s.min_p.value = 0;
          s.temperature.value = 1;
          s.top_p.value = typical ? 1.0 : p;
          s.typical_p.value = typical ? p : 1.0;
          std::vector<float> logits = row;
          const auto got = Sampler(s, 10).Distribution(logits, &scratch);
          ASSERT_TRUE(got);
          std::vector<int32_t> ids;
          for (const auto& [id, probability] : *got) ids.push_back(id);
          ASSERT_EQ(ids, KeptBySorting(row, typical, p));
        }
}

TEST(Sampler, DrawDependsOnSeedAndPositionOnly) {
  EffectiveSampling settings;
  settings.temperature.value = 1.5;
  SamplerScratch scratch, other_scratch;
  auto draw = [&](uint64_t seed, uint64_t position, SamplerScratch* s) {
    settings.seed.value = seed;
    auto logits = SomeLogits(5000, 1);
    return **Sampler(settings, 100).Sample(logits, position, s);
  };
  std::map<int32_t, int> seen;
  for (uint64_t i = 0; i < 200; ++i) {
    int32_t token = draw(1, i, &scratch);
    ++seen[token];
    draw(2, 199 - i, &scratch);  // Other draws in between change nothing.
    EXPECT_EQ(draw(1, i, &other_scratch), token);
  }
  EXPECT_GT(seen.size(), 3u);
}

TEST(Sampler, GreedyTakesTheLowestIdAmongEquals) {
  EffectiveSampling settings;
  settings.temperature.value = 0;
  SamplerScratch scratch;
  for (size_t vocab : {3u, 31u, 32u, 33u, 64u, 1000u}) {
    std::vector<float> logits(vocab, 0.5f);
    logits[0] = 0;
    EXPECT_EQ(**Sampler(settings, 10).Sample(logits, 0, &scratch), 1) << vocab;
    logits.back() = 0.75f;
    EXPECT_EQ(**Sampler(settings, 10).Sample(logits, 0, &scratch), static_cast<int32_t>(vocab - 1));
  }
}

TEST(Sampler, NothingAllowedAndNotANumber) {
  EffectiveSampling settings;
  SamplerScratch scratch;
  for (double temperature : {0.0, 1.0}) {
    settings.temperature.value = temperature;
    settings.logit_bias.clear();
    for (int32_t i = 0; i < 100; ++i)
      settings.logit_bias.emplace_back(i, -std::numeric_limits<double>::infinity());
    auto logits = SomeLogits(100, 3);
    auto nothing = Sampler(settings, 10).Sample(logits, 0, &scratch);
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(nothing->has_value());

    settings.logit_bias.clear();
    for (float bad : {std::nanf(""), std::numeric_limits<float>::infinity()})
      for (size_t at : {0u, 50u, 99u}) {
        logits = SomeLogits(100, 3);
        logits[at] = bad;
        EXPECT_FALSE(Sampler(settings, 10).Sample(logits, 0, &scratch)) << bad << " at " << at;
      }
  }
}

TEST(Sampler, ForbiddenTokensAreNeverDrawn) {
  EffectiveSampling settings;
  settings.top_k.value = 0;
  settings.top_p.value = 1;
  settings.min_p.value = 0;
  settings.temperature.value = 2;
  SamplerScratch scratch;
  std::vector<int32_t> forbidden{0, 1, 2, 3, 4, 5, 6, 8, 9};
  for (uint64_t position = 0; position < 100; ++position) {
    auto logits = SomeLogits(10, 4);
    EXPECT_EQ(**Sampler(settings, 10, forbidden).Sample(logits, position, &scratch), 7);
  }
}

TEST(Sampler, MinusInfinityLogitsHaveNoProbability) {
  EffectiveSampling settings;
  settings.top_k.value = 50;
  settings.top_p.value = 1;
  settings.min_p.value = 0;
  SamplerScratch scratch;
  std::vector<float> logits(100, -std::numeric_limits<float>::infinity());
  logits[40] = logits[60] = -5;
  auto distribution = Sampler(settings, 10).Distribution(logits, &scratch);
  ASSERT_EQ(distribution->size(), 2u);
  EXPECT_DOUBLE_EQ((*distribution)[0].second, 0.5);
}

}  // namespace
}  // namespace ingle
