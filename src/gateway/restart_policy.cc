#include "gateway/restart_policy.h"

#include <algorithm>

namespace ingle {

RestartDecision RestartPolicy::OnDeath(std::optional<int64_t> ready_for_ms, int64_t now_ms) {
  if (ready_for_ms && *ready_for_ms >= timing_.stable_ms) deaths_ = 0;
  if (deaths_at_start_ == 0) first_at_start_ms_ = now_ms;
  deaths_at_start_ = ready_for_ms ? 0 : deaths_at_start_ + 1;
  ++deaths_;
  // Beyond the limit each further death is its own: one try per quarantine.
  if (deaths_at_start_ >= kDeathsBeforeQuarantine)
    return {timing_.quarantine_ms, true, deaths_at_start_, now_ms - first_at_start_ms_};
  if (deaths_ == 1) return {};
  const int doublings = std::min(deaths_ - 2, 10);
  RestartDecision decision;
  decision.delay_ms = std::min(timing_.first_delay_ms << doublings, timing_.longest_delay_ms);
  return decision;
}

}  // namespace ingle
