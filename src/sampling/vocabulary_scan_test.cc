#include "sampling/vocabulary_scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/counter_random.h"

namespace ingle {
namespace {

// Few distinct values: many ties.
std::vector<float> Coarse(size_t n, uint64_t seed, int levels) {
  std::vector<float> logits(n);
  for (size_t i = 0; i < n; ++i)
    logits[i] = static_cast<float>(std::floor(levels * UniformDraw(seed, i, DrawPurpose::kTest)));
  return logits;
}

std::vector<Candidate> SortedReference(const std::vector<float>& logits, size_t k) {
  std::vector<Candidate> all;
  for (size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > -std::numeric_limits<float>::infinity())
      all.push_back({logits[i], static_cast<int32_t>(i)});
  std::sort(all.begin(), all.end(), Likelier);
  all.resize(std::min(k, all.size()));
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.id < b.id; });
  return all;
}

void ExpectSame(const std::vector<Candidate>& got, const std::vector<Candidate>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].id, want[i].id);
    EXPECT_EQ(got[i].logit, want[i].logit);
  }
}

TEST(VocabularyScan, TopKEqualsAFullSort) {
  std::vector<Candidate> got;
  for (size_t n : {1u, 5u, 31u, 32u, 33u, 100u, 1000u, 5003u})
    for (int levels : {1, 3, 1000000})
      for (size_t k : {0u, 1u, 2u, 40u, 999u, 6000u}) {
        SCOPED_TRACE(testing::Message() << n << " " << levels << " " << k);
        auto logits = Coarse(n, n + k, levels);
        if (n > 10) logits[7] = -std::numeric_limits<float>::infinity();
        SelectTopK(logits, k, &got);
        ExpectSame(got, SortedReference(logits, k));
      }
}

TEST(VocabularyScan, TopKOfSortedRows) {
  std::vector<float> rising(20000), falling(20000);
  for (size_t i = 0; i < rising.size(); ++i) {
    rising[i] = static_cast<float>(i);
    falling[i] = -static_cast<float>(i);
  }
  std::vector<Candidate> got;
  SelectTopK(rising, 40, &got);
  ExpectSame(got, SortedReference(rising, 40));
  SelectTopK(falling, 40, &got);
  ExpectSame(got, SortedReference(falling, 40));
}

TEST(VocabularyScan, AtLeast) {
  std::vector<Candidate> got;
  for (size_t n : {1u, 31u, 32u, 33u, 500u}) {
    auto logits = Coarse(n, n, 10);
    SelectAtLeast(logits, 7.0f, &got);
    size_t want = static_cast<size_t>(
        std::count_if(logits.begin(), logits.end(), [](float x) { return x >= 7; }));
    EXPECT_EQ(got.size(), want);
    for (const Candidate& c : got) EXPECT_EQ(logits[static_cast<size_t>(c.id)], c.logit);
  }
}

TEST(VocabularyScan, AtLeastZeroAndAtLeastMinusInfinity) {
  std::vector<float> logits(100, -1.0f);
  for (size_t i = 0; i < logits.size(); i += 3) logits[i] = 0.0f;
  std::vector<Candidate> got;
  SelectAtLeast(logits, 0.0f, &got);
  EXPECT_EQ(got.size(), 34u);
  SelectAtLeast(logits, -std::numeric_limits<float>::infinity(), &got);
  EXPECT_EQ(got.size(), 100u);
}

TEST(VocabularyScan, LargestIsTheFirstOfEquals) {
  for (size_t n : {1u, 31u, 32u, 33u, 95u, 1000u, 1024u, 1031u, 5000u})
    for (uint64_t seed = 0; seed < 20; ++seed) {
      auto logits = Coarse(n, seed, 7);
      Largest largest = FindLargest(logits);
      EXPECT_EQ(largest.id, std::max_element(logits.begin(), logits.end()) - logits.begin());
      EXPECT_FALSE(largest.not_a_number);
    }
  std::vector<float> nothing(40, -std::numeric_limits<float>::infinity());
  EXPECT_EQ(FindLargest(nothing).id, -1);
  nothing[39] = std::nanf("");
  EXPECT_TRUE(FindLargest(nothing).not_a_number);
}

TEST(VocabularyScan, LargestIsFoundAnywhereInALongRow) {
  for (size_t at = 0; at < 3000; at += 37) {
    std::vector<float> logits(3000, -5);
    logits[at] = 1;
    logits[2999] = std::max(logits[2999], 0.5f);
    EXPECT_EQ(FindLargest(logits).id, static_cast<int32_t>(at));
    logits[2999 - at / 2] = std::nanf("");
    EXPECT_TRUE(FindLargest(logits).not_a_number);
  }
}

}  // namespace
}  // namespace ingle
