#pragma once
// Joins the engine's events to the gateway's stream: answers each request first with Accepted or
// Error, numbers its tokens, and makes one report of what one step produced for all sequences.

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "wire/worker_server.h"

namespace ingle {

// How often the gateway hears of a worker whose engine ends no step.
struct ReportIntervals {
  std::chrono::milliseconds idle{1000};
  std::chrono::milliseconds busy{200};     // While requests are there: progress within a step.
  std::chrono::milliseconds loading{100};  // Bytes done; never more often.
};

class WorkerSession final : public WorkerService {
 public:
  // Steps that the gateway may be behind; then the engine waits for it.
  static constexpr size_t kMaxWaitingReports = 1024;

  explicit WorkerSession(ReportIntervals intervals = {});
  ~WorkerSession() override;

  void ReportLoading(uint64_t bytes_done, uint64_t bytes_total);
  // The engine outlives the session's streams, and the session the engine.
  void ReportReady(Engine* engine);
  void ReportFailed(Error error);
  // Returns once the gateway has left, or after timeout_ms (-1: never).
  void WaitForEnd(int timeout_ms);

  void Submit(Result<GenerateRequest> request, const std::string& id) override;
  void Cancel(const std::string& request_id) override;
  void SetPaused(const std::string& request_id, bool paused) override;
  bool NextReport(StepReport* report) override;
  void OnStreamEnd() override;
  Result<std::vector<int32_t>> Tokenize(const std::string& text, bool add_special,
                                        bool recognise_special) override;
  Result<std::string> Detokenize(const std::vector<int32_t>& tokens) override;
  Result<std::string> Render(const ChatPrompt& prompt) override;
  Result<WorkerDescription> Describe() override;
  std::vector<std::string> Capabilities() override;
  void Drain() override;

 private:
  struct Active {
    bool accepted = false;   // Accepted has been reported; events before that wait in `held`.
    bool cancelled = false;  // Asked for while the request was still being tokenized.
    uint32_t tokens_reported = 0;
    std::vector<Event> held;
  };
  struct Outgoing {
    StepReport report;
    bool is_step = false;
  };

  void SubmitLoop();
  void SubmitNow(GenerateRequest request);
  void OnEvent(const std::string& id, Event event);
  void EndStep(const Engine& engine);
  std::chrono::milliseconds Interval() const;                          // mutex_ held.
  void AddToStep(const std::string& id, Active& active, Event event);  // mutex_ held.
  StepReport& BetweenSteps();                                          // mutex_ held.
  void PostError(const std::string& id, Error error);                  // mutex_ held.
  Result<Engine*> ReadyEngine();

  const ReportIntervals intervals_;
  std::mutex mutex_;
  std::condition_variable news_, submit_wake_, ended_, step_may_end_;
  Engine* engine_ = nullptr;
  std::vector<RequestEvent> step_events_;  // Of the step that goes on.
  std::deque<Outgoing> outbox_;
  LoadingState loading_;
  bool loading_changed_ = false, load_over_ = false, over_ = false, draining_ = false;
  size_t holding_ = 0;        // Requests with events that wait for their Accepted.
  uint64_t steps_ended_ = 0;  // Reported, or in the outbox.
  StepReport told_;           // The counts of the last report; NextReport's own.
  std::map<std::string, Active, std::less<>> active_;
  std::deque<GenerateRequest> to_submit_;
  std::vector<std::thread> submitters_;
};

}  // namespace ingle
