#pragma once
// One model's worker process, supervised: starts it, watches it, starts it again, and gives every
// request exactly one end. Never opens a model file itself.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "gateway/journal.h"
#include "gateway/restart_policy.h"
#include "os/subprocess.h"
#include "os/unix_socket.h"
#include "request/event.h"
#include "request/generate_request.h"
#include "wire/messages.h"
#include "wire/worker_client.h"

namespace ingle {

enum class ModelState : uint8_t { kLoading, kReady, kRestarting, kQuarantined, kFailed, kStopped };
std::string_view ModelStateName(ModelState state);

struct GatewayOptions {
  std::string executable =
      "/proc/self/exe";  // Stays the same program even when its file is replaced.
  std::vector<std::string> worker_arguments;  // argv; "--socket PATH --gateway-pid N" is appended.
  int64_t start_wait_ms = 120'000;  // How long a request waits for a worker that loads or restarts.
  int64_t stall_timeout_ms = 30'000;  // Without a step while requests run: the worker is stuck.
  size_t max_in_flight = 1024;        // Requests with the worker or waiting for it.
  RestartTiming restart;
  std::function<void(bool is_error, const std::string&)> log = [](bool, const std::string&) {};
};

struct GatewayStatus {
  ModelState state = ModelState::kLoading;
  LoadingState loading;
  std::optional<WorkerDescription> model;  // The last one known.
  std::optional<Error> failure;            // Why there is no worker, and what to do.
  std::optional<ErrorCode> load_failure;   // With kFailed: what is wrong with the model.
  int64_t retry_after_s = 0;               // While quarantined: until a worker is tried again.
  uint64_t steps = 0, step_us = 0, model_us = 0;  // As the worker last said, and so the next two.
  uint32_t running = 0, queued = 0;
  size_t in_flight = 0, paused = 0;
  uint32_t restarts = 0;
  pid_t worker_pid = 0;
};

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> Start(GatewayOptions options);
  ~Gateway();
  // Ends the worker; requests in flight get an error. Later ones are refused.
  void Stop();

  // The sink gets Accepted or Error first, then events as in request/event.h, on threads of the
  // gateway; it must not block and must not call Submit.
  void Submit(GenerateRequest request, EventSink sink);
  void Cancel(const std::string& request_id);
  // A request whose client is behind: the worker makes no more tokens for it until it goes on.
  // Never calls a sink.
  void SetPaused(const std::string& request_id, bool paused);
  void NoteBytesSent(const std::string& request_id, uint64_t bytes);
  GatewayStatus status() const;
  // Waits until the first load has ended, one way or the other (or timeout_ms, -1: never).
  ModelState WaitForFirstLoad(int timeout_ms);

 private:
  explicit Gateway(GatewayOptions options, PrivateDirectory directory);
  struct Life;  // One worker process from start to end.

  void Supervise();
  void RunWorker(uint32_t number);
  void Watch(Life& life);
  bool ConnectWorker(Life& life);
  std::optional<std::string> CheckProgress(int64_t now_ms);
  void EndLife(Life& life);
  void Decide(const Life& life);
  void NoteFailedLoad(Error* failure);  // mutex_ held.
  RestartDecision DecideRestart();
  int64_t QuarantineLeftS() const;  // mutex_ held; 0: not quarantined.
  Error NotAvailable() const;       // mutex_ held.
  bool HasWork() const;             // mutex_ held: some request is not paused.
  void RefuseAll(const Error& error, bool only_submitted);
  void ExpireWaiting(int64_t now_ms);
  void SubmitWaiting();
  bool SleepOrStop(int64_t delay_ms);

  void OnReport(StepReport report);
  void OnLoadState(StepReport& report);
  Status CheckHello(const StepReport& report) const;
  Status OnEvent(RequestEvent event);
  void Distrust(const std::string& why);
  void Nudge();

  const GatewayOptions options_;
  PrivateDirectory directory_;
  UniqueFd nudge_;  // eventfd: wakes the supervisor.

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Journal journal_;
  GatewayStatus status_;
  std::shared_ptr<WorkerClient> client_;  // Null while no worker is connected.
  RestartPolicy policy_;
  std::string trouble_;  // Why the running worker must go; empty: none.
  bool stream_ended_ = false, first_load_over_ = false, stopping_ = false, greeted_ = false;
  uint64_t progress_ = 0;  // As the worker last said: work done, within steps too.
  int64_t progress_ms_ = 0, report_ms_ = 0, ready_ms_ = 0;
  int64_t quarantine_until_ms_ = 0;
  std::thread supervisor_;
};

}  // namespace ingle
