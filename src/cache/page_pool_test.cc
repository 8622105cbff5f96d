#include "cache/page_pool.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace ingle {
namespace {

TEST(PagePool, AllOrNothing) {
  PagePool pool(5);
  std::vector<uint32_t> a, b;
  ASSERT_TRUE(pool.Take(3, a));
  EXPECT_FALSE(pool.Take(3, b));
  EXPECT_TRUE(b.empty());
  EXPECT_EQ(pool.free_pages(), 2u);
  ASSERT_TRUE(pool.Take(2, b));
  EXPECT_EQ(pool.free_pages(), 0u);
  EXPECT_TRUE(pool.Take(0, b));
  EXPECT_FALSE(pool.Take(1, b));
}

TEST(PagePool, ReturnedPagesAreUsedBeforeFreshOnes) {
  PagePool pool(10);
  std::vector<uint32_t> a, b;
  ASSERT_TRUE(pool.Take(4, a));
  const std::vector<uint32_t> first = a;
  pool.Return(a, 2);
  EXPECT_EQ(a, std::vector<uint32_t>(first.begin(), first.begin() + 2));
  ASSERT_TRUE(pool.Take(2, b));
  EXPECT_EQ(std::set<uint32_t>(b.begin(), b.end()),
            std::set<uint32_t>(first.begin() + 2, first.end()));
}

TEST(PagePool, NeverHandsOutAPageTwice) {
  constexpr uint32_t kPages = 64;
  PagePool pool(kPages);
  std::mt19937 random(1);
  std::vector<std::vector<uint32_t>> owners(6);
  for (int step = 0; step < 20000; ++step) {
    auto& owner = owners[random() % owners.size()];
    if (random() % 3 != 0)
      (void)pool.Take(random() % 8, owner);
    else
      pool.Return(owner, random() % (owner.size() + 1));
    std::set<uint32_t> seen;
    size_t held = 0;
    for (const auto& pages : owners) {
      held += pages.size();
      for (const uint32_t page : pages) {
        ASSERT_LT(page, kPages);
        ASSERT_TRUE(seen.insert(page).second);
      }
    }
    ASSERT_EQ(held + pool.free_pages(), kPages);
  }
}

}  // namespace
}  // namespace ingle
