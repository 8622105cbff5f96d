#include "gateway/restart_policy.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

TEST(RestartPolicy, FirstDeathRestartsAtOnceThenBacksOff) {
  RestartPolicy policy;
  EXPECT_EQ(policy.OnDeath(1000, 0).delay_ms, 0);
  EXPECT_EQ(policy.OnDeath(1000, 0).delay_ms, 500);
  EXPECT_EQ(policy.OnDeath(1000, 0).delay_ms, 1000);
  for (int i = 0; i < 20; ++i) policy.OnDeath(1000, 0);
  EXPECT_EQ(policy.OnDeath(1000, 0).delay_ms, RestartTiming().longest_delay_ms);
  EXPECT_EQ(policy.OnDeath(RestartTiming().stable_ms, 0).delay_ms, 0)
      << "a long life starts a new count";
}

TEST(RestartPolicy, QuarantineAfterFiveDeathsAtStart) {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(policy.OnDeath(std::nullopt, 1000 + i).quarantined) << i;
  RestartDecision decision = policy.OnDeath(std::nullopt, 9000);
  EXPECT_TRUE(decision.quarantined);
  EXPECT_EQ(decision.delay_ms, RestartTiming().quarantine_ms);
  EXPECT_EQ(decision.deaths, 5);
  EXPECT_EQ(decision.within_ms, 8000);
  decision = policy.OnDeath(std::nullopt, 400'000);
  EXPECT_TRUE(decision.quarantined) << "one try per quarantine";
  EXPECT_EQ(decision.deaths, 6);
  EXPECT_EQ(decision.within_ms, 399'000);
  EXPECT_FALSE(policy.OnDeath(10, 500'000).quarantined) << "it was ready: a new count";
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(policy.OnDeath(std::nullopt, 600'000 + i).quarantined);
  EXPECT_EQ(policy.OnDeath(std::nullopt, 600'100).within_ms, 100);
}

}  // namespace
}  // namespace ingle
