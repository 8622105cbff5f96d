#include "os/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <limits>
#include <thread>
#include <vector>

namespace ingle {
namespace {

TEST(ThreadTeam, RunsEveryThreadOnceAndWaitsForAll) {
  for (const uint32_t threads : {1U, 2U, 3U, 5U}) {
    ThreadTeam team(threads);
    ASSERT_EQ(team.size(), threads);
    for (int round = 0; round < 300; ++round) {
      std::vector<std::atomic<int>> seen(threads);
      team.Run([&](uint32_t thread) { seen[thread].fetch_add(1, std::memory_order_relaxed); });
      for (const auto& count : seen) ASSERT_EQ(count.load(), 1);
    }
  }
}

TEST(ThreadTeam, BarrierSeparatesPhases) {
  for (const uint32_t threads : {1U, 2U, 3U, 4U}) {
    ThreadTeam team(threads);
    constexpr int kPhases = 400;
    std::vector<int> slots(
        threads, 0);  // Plain ints: a missing barrier is a race that the thread sanitizer names.
    std::atomic<int> wrong{0};
    team.Run([&](uint32_t thread) {
      for (int phase = 1; phase <= kPhases; ++phase) {
        slots[thread] = phase;
        team.Barrier();
        for (const int slot : slots)
          if (slot != phase) wrong.fetch_add(1);
        team.Barrier();
      }
    });
    EXPECT_EQ(wrong.load(), 0);
  }
}

TEST(ThreadTeam, EveryUnitIsTakenOnceInEveryRound) {
  ThreadTeam team(3);
  for (const uint64_t chunk : {1ULL, 3ULL, 7ULL, 1000ULL}) {
    constexpr uint64_t kCount = 101;
    constexpr int kRounds = 50;
    std::vector<std::atomic<int>> done(kCount);
    team.Run([&](uint32_t thread) {
      for (int round = 0; round < kRounds; ++round) {
        team.ForChunks(thread, kCount, chunk, [&](uint64_t begin, uint64_t end) {
          for (uint64_t i = begin; i < end; ++i) done[i].fetch_add(1, std::memory_order_relaxed);
        });
        team.Barrier();
      }
    });
    for (const auto& count : done) ASSERT_EQ(count.load(), kRounds);
  }
}

TEST(ThreadTeam, ParallelForCoversTheRange) {
  ThreadTeam team(2);
  std::vector<int> out(1000);
  team.ParallelFor(out.size(), 13, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) out[i] = static_cast<int>(i);
  });
  for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], static_cast<int>(i));
}

TEST(ThreadTeam, WakesAfterSleepingAndToleratesLateThreads) {
  ThreadTeam team(3);
  std::atomic<int> sum{0};
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(3));  // Longer than the spin: the workers sleep.
    team.Run([&](uint32_t thread) {
      if (thread == static_cast<uint32_t>(round) % 3)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      team.Barrier();
      sum.fetch_add(1);
    });
  }
  EXPECT_EQ(sum.load(), 15);
}

TEST(ThreadTeam, TeamsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    ThreadTeam team(4);
    if (i % 2 != 0) team.Run([](uint32_t) {});
  }
}

TEST(ThreadTeam, SubnormalsAreZeroInJobsOnly) {
  volatile float tiny = std::numeric_limits<float>::denorm_min();
  ThreadTeam team(2);
  std::atomic<int> kept{0};
  team.Run([&](uint32_t) {
    volatile float doubled = tiny * 2.0f;
    if (doubled != 0.0f) kept.fetch_add(1);
  });
  EXPECT_EQ(kept.load(), 0);
  team.Run([&](uint32_t) {
    {
      const KeepSubnormals keep;
      volatile float doubled = tiny * 2.0f;
      if (doubled != 0.0f) kept.fetch_add(1);
    }
    volatile float doubled = tiny * 2.0f;
    if (doubled != 0.0f) kept.fetch_add(10);
  });
  EXPECT_EQ(kept.load(), 2);
  volatile float outside = tiny * 2.0f;
  EXPECT_GT(outside, 0.0f);
}

}  // namespace
}  // namespace ingle
