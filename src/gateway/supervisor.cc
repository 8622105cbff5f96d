// The supervisor's thread: start a worker, watch it, bury it, decide when to start the next.
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gateway/gateway.h"
#include "gateway/steady_clock.h"

namespace ingle {
namespace {

constexpr int kExitModelFile = 65;  // Of a worker: the model file is damaged or not supported.
constexpr int kWatchIntervalMs = 200;
constexpr int kConnectPollMs = 10;
constexpr int64_t kConnectTimeoutMs =
    30'000;                         // Before the model is touched: only the process's own start.
constexpr int kExitGraceMs = 1000;  // After its stream ended.
constexpr int kTermGraceMs = 2000;  // Between SIGTERM and SIGKILL.
// A worker reports every second, idle or not; a busy machine may delay that.
constexpr int64_t kMinSilenceMs = 5000;
// Longer than this between two looks: it was this process that did not run (stopped, swapped out).
constexpr int64_t kPausedMs = 2000;

bool IsPermanent(const Error& error) {
  return error.code == ErrorCode::kCorruptFile || error.code == ErrorCode::kUnsupported ||
         error.code == ErrorCode::kNotFound || error.code == ErrorCode::kInvalidRequest;
}

}  // namespace

struct Gateway::Life {
  Subprocess process;
  std::string socket_path;
  std::string end;  // How it ended, for people: "was killed by signal 9 (Killed)".
  bool load_failed = false;
  int exit_code = 0;
};

bool Gateway::SleepOrStop(int64_t delay_ms) {
  const int64_t until = SteadyMs() + delay_ms;
  while (true) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return true;
    }
    const int64_t left = until - SteadyMs();
    if (left <= 0) return false;
    pollfd waiting{nudge_.get(), POLLIN, 0};
    poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, kWatchIntervalMs)));
    eventfd_t ignored = 0;
    eventfd_read(nudge_.get(), &ignored);
    ExpireWaiting(SteadyMs());
  }
}

void Gateway::Supervise() {
  for (uint32_t number = 0; !SleepOrStop(0); ++number) {
    RunWorker(number);
    const RestartDecision decision = DecideRestart();
    if (decision.quarantined) {
      std::unique_lock lock(mutex_);
      const Error refusal = NotAvailable();
      lock.unlock();
      options_.log(true, refusal.message);
      RefuseAll(refusal, false);
    }
    if (SleepOrStop(decision.delay_ms)) break;
    std::lock_guard lock(mutex_);
    ++status_.restarts;
  }
  RefuseAll({ErrorCode::kUnavailable, "the server is shutting down", "", "server_shutting_down"},
            false);
}

RestartDecision Gateway::DecideRestart() {
  std::lock_guard lock(mutex_);
  RestartDecision decision;
  if (stopping_) return decision;
  if (status_.state == ModelState::kFailed) {
    decision.delay_ms = INT32_MAX;
    return decision;
  }
  const int64_t now_ms = SteadyMs();
  decision =
      policy_.OnDeath(ready_ms_ > 0 ? std::optional(now_ms - ready_ms_) : std::nullopt, now_ms);
  status_.state = decision.quarantined ? ModelState::kQuarantined : ModelState::kRestarting;
  if (!decision.quarantined) return decision;
  quarantine_until_ms_ = now_ms + decision.delay_ms;
  status_.failure->message =
      "the worker process has died " + std::to_string(decision.deaths) + " times in " +
      std::to_string((decision.within_ms + 999) / 1000) +
      " s before the model was ready; the last time " + status_.failure->message +
      ". The server's log has what it said. Check the model file (`ingle show`) and the free "
      "memory; a restart of the server tries again at once";
  return decision;
}

void Gateway::RunWorker(uint32_t number) {
  const std::string path = directory_.path() + "/" + std::to_string(number);
  std::vector<std::string> arguments = options_.worker_arguments;
  for (const std::string& extra :
       {std::string("--socket"), path, std::string("--gateway-pid"), std::to_string(getpid())})
    arguments.push_back(extra);
  {
    std::lock_guard lock(mutex_);
    trouble_.clear();
    stream_ended_ = greeted_ = false;
    status_.steps = status_.step_us = status_.model_us = 0;
    status_.loading = {};
    ready_ms_ = 0;
    progress_ms_ = report_ms_ = SteadyMs();
    if (status_.state != ModelState::kStopped && number > 0)
      status_.state = ModelState::kRestarting;
  }
  auto process = Subprocess::Spawn(options_.executable, arguments);
  if (!process) {
    std::lock_guard lock(mutex_);
    status_.failure = {ErrorCode::kUnavailable, process.error().message, "", "model_unavailable"};
    options_.log(true, process.error().message);
    return;
  }
  Life life{*std::move(process), path, {}, false};
  {
    std::lock_guard lock(mutex_);
    status_.worker_pid = life.process.pid();
  }
  options_.log(false, "worker started as process " + std::to_string(life.process.pid()));
  if (ConnectWorker(life)) Watch(life);
  EndLife(life);
}

bool Gateway::ConnectWorker(Life& life) {
  const int64_t deadline = SteadyMs() + kConnectTimeoutMs;
  std::string last;
  while (SteadyMs() < deadline) {
    if (life.process.TryReap()) return false;
    auto client = WorkerClient::Connect(
        life.socket_path, life.process.pid(),
        {.on_report = [this](StepReport report) { OnReport(std::move(report)); },
         .on_end =
             [this](Error error) {
               std::lock_guard lock(mutex_);
               stream_ended_ = true;
               if (trouble_.empty() && error.id != "worker_died") trouble_ = error.message;
               Nudge();
             }});
    if (client) {
      {
        std::lock_guard lock(mutex_);
        client_ = *std::move(client);
      }
      SubmitWaiting();  // The worker may have been ready before client_ was set.
      return true;
    }
    last = client.error().message;
    if (SleepOrStop(kConnectPollMs)) return false;
  }
  std::lock_guard lock(mutex_);
  trouble_ = "did not answer within " + std::to_string(kConnectTimeoutMs / 1000) + " s: " + last;
  return true;
}

std::optional<std::string> Gateway::CheckProgress(int64_t now_ms) {
  std::lock_guard lock(mutex_);
  if (!trouble_.empty()) return trouble_;
  const int64_t limit = options_.stall_timeout_ms;
  if (status_.state == ModelState::kReady && HasWork() && now_ms - progress_ms_ > limit)
    return "made no step, nor progress within one, for " + std::to_string(limit) +
           " ms while requests were running";
  const int64_t silence_limit = std::max(limit, kMinSilenceMs);
  if (now_ms - report_ms_ > silence_limit)
    return "reported nothing for " + std::to_string(silence_limit) + " ms";
  return std::nullopt;
}

void Gateway::Watch(Life& life) {
  int64_t looked_ms = SteadyMs();
  while (true) {
    pollfd waiting[2] = {{life.process.pidfd(), POLLIN, 0}, {nudge_.get(), POLLIN, 0}};
    poll(waiting, 2, kWatchIntervalMs);
    eventfd_t ignored = 0;
    eventfd_read(nudge_.get(), &ignored);
    if (life.process.TryReap()) return;
    const int64_t now_ms = SteadyMs();
    if (now_ms - std::exchange(looked_ms, now_ms) > kPausedMs) {
      std::lock_guard lock(mutex_);  // The worker's reports of that time are still unread.
      progress_ms_ = report_ms_ = now_ms;
    }
    if (auto trouble = CheckProgress(now_ms)) {
      life.end = *trouble + " and was stopped";
      return;
    }
    ExpireWaiting(SteadyMs());
    std::lock_guard lock(mutex_);
    if (stream_ended_ || stopping_) return;
  }
}

// The process is gone, or goes now; whoever waited for it learns so.
void Gateway::EndLife(Life& life) {
  bool stopping = false;
  std::shared_ptr<WorkerClient> client;
  {
    std::lock_guard lock(mutex_);
    client = std::move(client_);
    client_ = nullptr;
    stopping = stopping_;
    if (status_.state == ModelState::kReady) status_.state = ModelState::kRestarting;
    life.load_failed = trouble_ == "could not load the model";
  }
  if (client != nullptr && life.end.empty() && !life.process.TryReap())
    life.process.ReapWithin(stopping ? 0 : kExitGraceMs);
  if (!life.process.TryReap()) {
    const bool stuck = !life.end.empty() && !life.load_failed;
    if (!stuck) {
      life.process.Signal(SIGTERM);
      life.process.ReapWithin(kTermGraceMs);
    }
    life.process.Signal(SIGKILL);
    life.process.ReapWithin(kTermGraceMs * 5);
  }
  if (const auto status = life.process.TryReap(); status && life.end.empty()) {
    life.end = status->Describe();
    life.exit_code = status->code;
  }
  if (client != nullptr) client->Stop();
  client.reset();  // Joins its threads: no report comes after this line.
  unlink(life.socket_path.c_str());
  if (!stopping) Decide(life);
}

void Gateway::Decide(const Life& life) {
  Error failure{ErrorCode::kUnavailable,
                "the worker process that ran this request " + life.end +
                    "; a new one is being started: send the request again",
                "", "worker_died"};
  {
    std::lock_guard lock(mutex_);
    status_.worker_pid = 0;
    status_.running = status_.queued = 0;
    // It could not say why, or was not heard.
    const bool unheard = life.exit_code == kExitModelFile && ready_ms_ == 0 && !life.load_failed;
    if (unheard)
      status_.failure = {ErrorCode::kCorruptFile,
                         "the model file is damaged or not supported; the worker's message is on "
                         "the server's stderr",
                         "", ""};
    const bool load_failed = life.load_failed || unheard;
    if (load_failed && (!first_load_over_ || IsPermanent(*status_.failure)))
      NoteFailedLoad(&failure);
    else
      status_.failure = {ErrorCode::kUnavailable, "the worker process " + life.end, "",
                         "model_unavailable"};
  }
  options_.log(true, "worker " + std::to_string(life.process.pid()) + " " + life.end);
  RefuseAll(failure, status().state != ModelState::kFailed);
}

// Under the lock. Whatever the file's fault is called, for a client the model is not available.
void Gateway::NoteFailedLoad(Error* failure) {
  status_.state = ModelState::kFailed;
  status_.load_failure = status_.failure->code;
  *failure = {ErrorCode::kUnavailable, "the model could not be loaded: " + status_.failure->message,
              "", "model_unavailable"};
  status_.failure = *failure;
  first_load_over_ = true;
  changed_.notify_all();
}

void Gateway::RefuseAll(const Error& error, bool only_submitted) {
  std::vector<std::shared_ptr<EventSink>> sinks;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (auto& [id, entry] : journal_.entries()) {
      if (only_submitted && !entry.submitted) continue;
      ids.push_back(id);
      sinks.push_back(entry.sink);
    }
    for (const std::string& id : ids) journal_.Remove(id);
  }
  for (const auto& sink : sinks) (*sink)(error);
}

void Gateway::ExpireWaiting(int64_t now_ms) {
  std::vector<std::shared_ptr<EventSink>> sinks;
  {
    std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (auto& [id, entry] : journal_.entries()) {
      if (entry.submitted || now_ms < entry.wait_until_ms) continue;
      ids.push_back(id);
      sinks.push_back(entry.sink);
    }
    for (const std::string& id : ids) journal_.Remove(id);
  }
  for (const auto& sink : sinks)
    (*sink)(Error{
        ErrorCode::kUnavailable,
        "the model was not ready within " + std::to_string(options_.start_wait_ms / 1000) + " s",
        "", "model_loading"});
}

}  // namespace ingle
