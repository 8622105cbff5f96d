#include "gateway/restart_policy.h"

#include <algorithm>

namespace ingle {

RestartDecision RestartPolicy::OnDeath(std::optional<int64_t> ready_for_ms) {
  if (ready_for_ms && *ready_for_ms >= kStableMs) deaths_ = 0;
  deaths_at_start_ = ready_for_ms ? 0 : deaths_at_start_ + 1;
  ++deaths_;
  if (deaths_at_start_ >= kDeathsBeforeQuarantine) {
    deaths_at_start_ = kDeathsBeforeQuarantine - 1;  // One more try after the quarantine.
    return {kQuarantineMs, true};
  }
  if (deaths_ == 1) return {0, false};
  const int doublings = std::min(deaths_ - 2, 10);
  return {std::min(kFirstDelayMs << doublings, kLongestDelayMs), false};
}

}  // namespace ingle
