#include "gateway/restart_policy.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

TEST(RestartPolicy, FirstDeathRestartsAtOnceThenBacksOff) {
  RestartPolicy policy;
  EXPECT_EQ(policy.OnDeath(1000).delay_ms, 0);
  EXPECT_EQ(policy.OnDeath(1000).delay_ms, 500);
  EXPECT_EQ(policy.OnDeath(1000).delay_ms, 1000);
  for (int i = 0; i < 20; ++i) policy.OnDeath(1000);
  EXPECT_EQ(policy.OnDeath(1000).delay_ms, RestartPolicy::kLongestDelayMs);
  EXPECT_EQ(policy.OnDeath(RestartPolicy::kStableMs).delay_ms, 0)
      << "a long life starts a new count";
}

TEST(RestartPolicy, QuarantineAfterFiveDeathsAtStart) {
  RestartPolicy policy;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(policy.OnDeath(std::nullopt).quarantined) << i;
  EXPECT_TRUE(policy.OnDeath(std::nullopt).quarantined);
  EXPECT_TRUE(policy.OnDeath(std::nullopt).quarantined) << "one try per quarantine";
  EXPECT_FALSE(policy.OnDeath(10).quarantined) << "it was ready: a new count";
}

}  // namespace
}  // namespace ingle
