#pragma once
// One generation call on its way: requests to the gateway, events to the client, cancellation when
// the client leaves.

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/generation_call.h"
#include "gateway/gateway.h"
#include "http/server.h"
#include "server/metrics.h"

namespace ingle {

class ServedCall : public std::enable_shared_from_this<ServedCall> {
 public:
  // What a slow reader has not taken waits here, merged; beyond the high-water mark the worker
  // makes no more of it until little waits. kMaxPendingBytes is for a worker that goes on all the
  // same.
  static constexpr size_t kHighWaterBytes = 256 << 10;  // In the socket's queue.
  static constexpr size_t kLowWaterBytes = 64 << 10;
  static constexpr size_t kMaxPendingBytes = 8 << 20;   // Here.
  static constexpr size_t kMergedTextBytes = 64 << 10;  // In one waiting event.
  static constexpr int kKeepAliveMs = 10'000;

  ServedCall(Gateway* gateway, Metrics* metrics, std::unique_ptr<Reply> reply,
             std::shared_ptr<Exchange> exchange, HttpHeaders headers, std::string request_id);

  // Submits every choice. Everything else happens in callbacks, which keep the object alive.
  void Start();

 private:
  struct Pending {
    size_t choice;
    Event event;
  };

  std::string Id(size_t choice) const;
  void OnEvent(size_t choice, Event event);
  void OnClientGone();
  void OnWritten(size_t bytes);
  void OnStalled();
  void Handle(size_t choice, Event event);  // mutex_ held, as for all below.
  void Begin();
  void Show(size_t choice, const Event& event);
  void Hold(size_t choice, Event event);
  bool Merge(size_t choice, Delta* delta);
  void Flush();
  void SetPaused(bool paused);
  void Cut();
  void FinishIfDone();
  void Fail(const Error& error);
  void CancelAll();
  void LogEnd(std::string_view outcome);

  Gateway* const gateway_;
  Metrics* const metrics_;
  const std::unique_ptr<Reply> reply_;
  const std::shared_ptr<Exchange> exchange_;
  const HttpHeaders headers_;
  const std::string request_id_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();

  std::mutex mutex_;
  bool begun_ = false, over_ = false;
  bool paused_ = false;  // The worker makes no more until the client has read.
  bool cut_ = false;     // The reader was too slow: no more events are taken.
  size_t accepted_ = 0;
  std::vector<bool> ended_;             // Per choice: Finished or Error came.
  std::vector<std::string> to_cancel_;  // Done after mutex_ is released.
  std::deque<Pending> pending_;
  size_t pending_bytes_ = 0;
  std::chrono::steady_clock::time_point progress_shown_;
};

}  // namespace ingle
