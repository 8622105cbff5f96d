#include "model/blocks/pass.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

namespace ingle {
namespace {

// Every (query, split that it sees) exactly once, whatever the number of threads.
void ExpectComplete(const Pass& pass, uint32_t window = 0) {
  const auto begin = [&](uint32_t position) {
    return WindowBegin(position, window) / kSplitTokens;
  };
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, int> seen;
  for (const AttentionItem& item : pass.PlanOf(window).items)
    for (uint32_t q = item.first; q < item.first + item.queries; ++q)
      for (uint32_t split = item.split_begin; split < item.split_end; ++split)
        if (split * kSplitTokens <= pass.slices[item.slice].position + q)
          ++seen[{item.slice, q, split}];
  size_t expected = 0;
  for (uint32_t s = 0; s < pass.slices.size(); ++s)
    for (uint32_t q = 0; q < pass.slices[s].count; ++q)
      for (uint32_t split = begin(pass.slices[s].position + q);
           split <= (pass.slices[s].position + q) / kSplitTokens; ++split) {
        ++expected;
        const int times = seen[{s, q, split}];
        ASSERT_EQ(times, 1) << s << " " << q << " " << split;
      }
  EXPECT_EQ(seen.size(), expected);
}

TEST(Pass, AttentionCoversEveryQueryAndSplitOnce) {
  const std::vector<int32_t> tokens(300, 1);
  const std::vector<uint32_t> pages(100);
  for (const uint32_t threads : {1u, 2u, 3u, 64u}) {
    for (const uint32_t group : {1u, 6u, 64u}) {
      Pass pass;
      pass.Add(std::span(tokens).first(1), 1000, pages);
      pass.Add(tokens, 200, pages);
      pass.Add(std::span(tokens).first(1), 0, pages);
      EXPECT_EQ(pass.tokens, 302u);
      EXPECT_EQ(pass.Position(1), 200u);
      EXPECT_EQ(pass.Position(301), 0u);
      for (const uint32_t window : {0u, 1u, 70u, 256u, 600u}) {
        pass.PlanAttention(group, 2, threads, window);
        ExpectComplete(pass, window);
      }
    }
  }
}

TEST(Pass, SplitsOfOneQueryAreSharedOut) {
  const std::vector<int32_t> tokens(1, 1);
  const std::vector<uint32_t> pages(100);
  Pass pass;
  pass.Add(tokens, 1023, pages);
  pass.PlanAttention(6, 1, 2);
  ASSERT_EQ(pass.plans[0].items.size(), 4u);
  for (const AttentionItem& item : pass.plans[0].items) {
    EXPECT_EQ(item.partials, 4u);
    EXPECT_EQ(item.first_partial, 0u);
  }
  ExpectComplete(pass);
}

}  // namespace
}  // namespace ingle
