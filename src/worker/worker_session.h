#pragma once
// Joins the engine's events to the gateway's stream: answers each request first with Accepted or
// Error, numbers its tokens, and gathers what one step produced for all sequences into one report.

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

class WorkerSession final : public WorkerService {
 public:
  WorkerSession();
  ~WorkerSession() override;

  void ReportLoading(uint64_t bytes_done, uint64_t bytes_total);
  void ReportReady(Engine* engine);  // The engine outlives the session's streams.
  void ReportFailed(Error error);
  // Returns once the gateway has left, or after timeout_ms (-1: never).
  void WaitForEnd(int timeout_ms);

  void Submit(Result<GenerateRequest> request, const std::string& id) override;
  void Cancel(const std::string& request_id) override;
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

  void SubmitLoop();
  void SubmitNow(GenerateRequest request);
  void OnEvent(const std::string& id, Event event);
  void Post(const std::string& id, Active& active, Event event);  // mutex_ held.
  void PostError(const std::string& id, Error error);             // mutex_ held.
  void Wake();                                                    // mutex_ held.
  Result<Engine*> ReadyEngine();

  std::mutex mutex_;
  std::condition_variable news_, submit_wake_, ended_;
  Engine* engine_ = nullptr;
  StepReport pending_;
  bool has_news_ = false, over_ = false, draining_ = false;
  std::map<std::string, Active, std::less<>> active_;
  std::deque<GenerateRequest> to_submit_;
  std::vector<std::thread> submitters_;
};

}  // namespace ingle
