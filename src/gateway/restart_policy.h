#pragma once
// When to start a worker again after it died. Pure: times come in, decisions go out.

#include <cstdint>
#include <optional>

namespace ingle {

struct RestartDecision {
  int64_t delay_ms = 0;
  bool quarantined =
      false;  // Died too often before it was ready; delay_ms is long, and requests are refused.
};

class RestartPolicy {
 public:
  static constexpr int64_t kFirstDelayMs =
      500;  // From the second death in a row; the first restarts at once.
  static constexpr int64_t kLongestDelayMs = 30'000;
  static constexpr int64_t kStableMs = 60'000;  // A worker that lived this long starts a new count.
  static constexpr int kDeathsBeforeQuarantine = 5;  // In a row, without having been ready.
  static constexpr int64_t kQuarantineMs = 300'000;

  // ready_for_ms: how long the worker had been ready; nullopt when it never was.
  RestartDecision OnDeath(std::optional<int64_t> ready_for_ms);

 private:
  int deaths_ = 0;           // In a row.
  int deaths_at_start_ = 0;  // In a row, before ready.
};

}  // namespace ingle
