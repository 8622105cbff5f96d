#pragma once
// When to start a worker again after it died. Pure: times come in, decisions go out.

#include <cstdint>
#include <optional>

namespace ingle {

struct RestartTiming {
  int64_t first_delay_ms = 500;  // From the second death in a row; the first restarts at once.
  int64_t longest_delay_ms = 30'000;
  int64_t stable_ms = 60'000;  // A worker that lived this long starts a new count.
  int64_t quarantine_ms = 300'000;
};

struct RestartDecision {
  int64_t delay_ms = 0;
  // Died too often before it was ready; delay_ms is long, and requests are refused.
  bool quarantined = false;
  int deaths = 0;         // In a row, the quarantine's: before it was ready.
  int64_t within_ms = 0;  // From the first of them to the last.
};

class RestartPolicy {
 public:
  static constexpr int kDeathsBeforeQuarantine = 5;  // In a row, without having been ready.

  explicit RestartPolicy(RestartTiming timing = {}) : timing_(timing) {}

  // ready_for_ms: how long the worker had been ready; nullopt when it never was.
  RestartDecision OnDeath(std::optional<int64_t> ready_for_ms, int64_t now_ms);

 private:
  RestartTiming timing_;
  int deaths_ = 0;           // In a row.
  int deaths_at_start_ = 0;  // In a row, before ready.
  int64_t first_at_start_ms_ = 0;
};

}  // namespace ingle
