#include "http/body_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ingle {
namespace {

TEST(BodyBudget, SmallBodiesAreFreeAndLargeOnesAreGivenBack) {
  BodyBudget budget(100);
  {
    BodyCharge large(&budget, 10), second(&budget, 10), small(&budget, 10);
    EXPECT_TRUE(large.Grow(50));
    EXPECT_TRUE(large.Grow(50)) << "no byte more, no charge";
    EXPECT_EQ(budget.left(), 60u);
    EXPECT_TRUE(second.Grow(70));
    EXPECT_EQ(budget.left(), 0u);
    EXPECT_FALSE(large.Grow(51));
    EXPECT_TRUE(small.Grow(10)) << "there is always room for a small body";
    EXPECT_FALSE(small.Grow(11));
    second.Release();
    second.Release();
    EXPECT_EQ(budget.left(), 60u);
    EXPECT_TRUE(large.Grow(110));
    EXPECT_EQ(budget.left(), 0u);
  }
  EXPECT_EQ(budget.left(), 100u);
}

TEST(BodyBudget, ThreadsNeverTakeMoreThanThereIs) {
  BodyBudget budget(1000);
  std::atomic<size_t> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i)
        if (budget.Take(3)) taken += 3;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 999u);
  EXPECT_EQ(budget.left(), 1u);
}

}  // namespace
}  // namespace ingle
