#pragma once
// A worker's service without an engine, for tests: each request's prompt says what it does wrong.

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "wire/worker_server.h"

namespace ingle {

class ScriptedService final : public WorkerService {
 public:
  void ReportLoad(std::variant<std::monostate, LoadingState, WorkerDescription, Error> load) {
    StepReport report;
    report.load = std::move(load);
    Push(std::move(report));
  }

  void Submit(Result<GenerateRequest> request, const std::string& id) override {
    const std::string text = std::get<TextPrompt>(request->prompt).text;
    if (text == "die") raise(SIGKILL);
    if (text == "foreign") return Say("nobody", Accepted{});
    if (text == "unaccepted") return Say(id, Delta{"x", {{1, "x", 0, {}}}});
    Accepted accepted;
    accepted.sampling.seed.value = 7;
    Say(id, accepted);
    if (text == "twice") return Say(id, accepted);
    if (text == "die later") raise(SIGKILL);
    if (text == "lost") return Say(id, Delta{"x", {{1, "x", 0, {}}}}, 5);
    if (text == "nan") return Say(id, Delta{"x", {{1, "x", std::nan(""), {}}}});
    if (text == "garble") return Say(id, Delta{"\xff", {}});
    if (text == "stall") return;
    if (text == "slow") {
      std::lock_guard lock(mutex_);
      slow_id_ = id;
      slow_reports_left_ = 250;  // Five seconds.
      return;
    }
    Say(id, Delta{text, {{1, text, 0, {}}}});
    Say(id, Finished{});
  }

  void Cancel(const std::string& id) override {
    Finished finished;
    finished.reason = FinishReason::kCancelled;
    Say(id, finished);
  }

  void SetPaused(const std::string& id, bool paused) override {
    Say(id, Progress{paused ? 1u : 2u, 2});
  }

  bool NextReport(StepReport* report) override {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, std::chrono::milliseconds(20),
                   [this] { return over_.load() || !reports_.empty(); });
    if (over_) return false;
    if (!reports_.empty()) {
      *report = std::move(reports_.front());
      reports_.pop_front();
    }
    if (!slow_id_.empty()) {  // One long step that goes on.
      ++progress_;
      if (--slow_reports_left_ == 0)
        report->events.push_back({std::exchange(slow_id_, ""), Finished{}, 0});
    }
    report->steps = steps_;
    report->progress = progress_;
    return true;
  }

  void OnStreamEnd() override {
    std::lock_guard lock(mutex_);
    over_ = true;
    news_.notify_all();
  }
  void WaitForEnd() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return over_.load(); });
  }

  Result<std::vector<int32_t>> Tokenize(const std::string& text, bool, bool) override {
    if (text.empty()) return Fail(ErrorCode::kInvalidRequest, "nothing to tokenize");
    return std::vector<int32_t>(text.begin(), text.end());
  }
  Result<std::string> Detokenize(const std::vector<int32_t>& tokens) override {
    if (tokens.empty()) return Fail(ErrorCode::kInvalidRequest, "no tokens");
    return std::string(tokens.begin(), tokens.end());
  }
  Result<std::string> Render(const ChatPrompt& prompt) override {
    if (prompt.messages.empty()) return Fail(ErrorCode::kUnsupported, "no template");
    return json::serialize(prompt.messages);
  }
  Result<WorkerDescription> Describe() override {
    if (over_) return Fail(ErrorCode::kUnavailable, "over");
    WorkerDescription description;
    description.name = "scripted";
    return description;
  }
  std::string_view Build() const override { return build; }
  std::string build{BuildName()};
  std::vector<std::string> Capabilities() override { return {"text"}; }
  void Drain() override { drained_ = true; }
  bool drained() const { return drained_; }

  void Say(const std::string& id, Event event, uint32_t first_index = 0) {
    StepReport report;
    report.events.push_back({id, std::move(event), first_index});
    Push(std::move(report));
  }

 private:
  void Push(StepReport report) {
    std::lock_guard lock(mutex_);
    ++steps_;
    reports_.push_back(std::move(report));
    news_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<StepReport> reports_;
  std::string slow_id_;
  int slow_reports_left_ = 0;
  uint64_t steps_ = 0, progress_ = 0;
  std::atomic<bool> over_ = false, drained_ = false;
};

}  // namespace ingle
