// Requests and the worker's reports. Starting and watching the process is in supervisor.cc.
#include "gateway/gateway.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "gateway/steady_clock.h"
#include "wire/codec.h"

namespace ingle {
namespace {

bool Ends(const Event& event) {
  return std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event);
}

}  // namespace

std::string_view ModelStateName(ModelState state) {
  switch (state) {
    case ModelState::kLoading: return "loading";
    case ModelState::kReady: return "ready";
    case ModelState::kRestarting: return "restarting";
    case ModelState::kQuarantined: return "quarantined";
    case ModelState::kFailed: return "failed";
    case ModelState::kStopped: return "stopped";
  }
  return "stopped";
}

Gateway::Gateway(GatewayOptions options, PrivateDirectory directory)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      nudge_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      policy_(options_.restart) {}

Result<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options) {
  INGLE_TRY(PrivateDirectory directory, PrivateDirectory::Make("ingle"));
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(options), std::move(directory)));
  // The worker dies with the thread that started it, so this thread lives as long as the gateway.
  gateway->supervisor_ = std::thread([self = gateway.get()] { self->Supervise(); });
  return gateway;
}

Gateway::~Gateway() { Stop(); }

void Gateway::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    status_.state = ModelState::kStopped;
    changed_.notify_all();
  }
  Nudge();
  if (supervisor_.joinable()) supervisor_.join();
}

void Gateway::Nudge() { eventfd_write(nudge_.get(), 1); }

void Gateway::Submit(GenerateRequest request, EventSink sink) {
  std::unique_lock lock(mutex_);
  std::optional<Error> refusal;
  const ModelState state = status_.state;
  if (state == ModelState::kQuarantined || state == ModelState::kFailed ||
      state == ModelState::kStopped)
    refusal = NotAvailable();
  else if (journal_.size() >= options_.max_in_flight)
    refusal = Error{
        ErrorCode::kUnavailable,
        std::to_string(journal_.size()) + " requests are already in flight; try again shortly", "",
        "queue_full"};
  if (refusal) {
    lock.unlock();
    return sink(*std::move(refusal));
  }
  JournalEntry entry;
  entry.request = std::move(request);
  entry.sink = std::make_shared<EventSink>(std::move(sink));
  entry.wait_until_ms = SteadyMs() + options_.start_wait_ms;
  const std::string id = entry.request.id;
  const bool idle = !HasWork();
  const auto kept = entry.sink;
  if (!journal_.Add(std::move(entry))) {
    lock.unlock();
    return (*kept)(
        Error{ErrorCode::kInternal, "two requests with the id " + id, "", "duplicate_id"});
  }
  if (state != ModelState::kReady || client_ == nullptr) return;  // SubmitWaiting sends it.
  JournalEntry& added = *journal_.Find(id);
  added.submitted = true;
  if (idle) progress_ms_ = SteadyMs();  // The stall clock starts with the work.
  client_->Submit(added.request);
}

void Gateway::Cancel(const std::string& request_id) {
  std::shared_ptr<EventSink> sink;
  {
    std::lock_guard lock(mutex_);
    JournalEntry* entry = journal_.Find(request_id);
    if (entry == nullptr) return;
    if (entry->submitted) {
      if (!HasWork()) progress_ms_ = SteadyMs();
      entry->paused = false;  // It must confirm, however far behind its client was.
      if (client_ != nullptr) client_->Cancel(request_id);
      return;  // The worker confirms with Finished.
    }
    sink = entry->sink;
    journal_.Remove(request_id);
  }
  (*sink)(Error{ErrorCode::kCancelled, "cancelled before a worker had it", "", "cancelled"});
}

void Gateway::SetPaused(const std::string& request_id, bool paused) {
  std::lock_guard lock(mutex_);
  JournalEntry* entry = journal_.Find(request_id);
  if (entry == nullptr || !entry->accepted || entry->paused == paused) return;
  if (!HasWork()) progress_ms_ = SteadyMs();  // The stall clock starts with the work.
  entry->paused = paused;
  if (client_ != nullptr) client_->SetPaused(request_id, paused);
}

bool Gateway::HasWork() const {
  return std::ranges::any_of(journal_.entries(),
                             [](const auto& entry) { return !entry.second.paused; });
}

void Gateway::NoteBytesSent(const std::string& request_id, uint64_t bytes) {
  std::lock_guard lock(mutex_);
  if (JournalEntry* entry = journal_.Find(request_id)) entry->bytes_sent += bytes;
}

int64_t Gateway::QuarantineLeftS() const {
  if (status_.state != ModelState::kQuarantined) return 0;
  return std::max<int64_t>(1, (quarantine_until_ms_ - SteadyMs() + 999) / 1000);
}

Error Gateway::NotAvailable() const {
  if (status_.state == ModelState::kStopped || !status_.failure)
    return {ErrorCode::kUnavailable, "the server is shutting down", "", "server_shutting_down"};
  Error error = *status_.failure;
  if (const int64_t left_s = QuarantineLeftS(); left_s > 0)
    error.message += "; the next start is in " + std::to_string(left_s) +
                     " s, and requests are refused until then";
  return error;
}

GatewayStatus Gateway::status() const {
  std::lock_guard lock(mutex_);
  GatewayStatus copy = status_;
  copy.retry_after_s = QuarantineLeftS();
  copy.in_flight = journal_.size();
  for (const auto& [id, entry] : journal_.entries()) copy.paused += entry.paused ? 1 : 0;
  return copy;
}

ModelState Gateway::WaitForFirstLoad(int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return first_load_over_ || stopping_; };
  if (timeout_ms < 0)
    changed_.wait(lock, over);
  else
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), over);
  return status_.state;
}

// ---- the worker's reports, on the client's reading thread

Status Gateway::CheckHello(const StepReport& report) const {
  if (greeted_) return {};
  if (!report.hello) return Fail(ErrorCode::kInternal, "it did not say hello first");
  if (report.hello->protocol != kWireProtocol || report.hello->build != BuildName())
    return Fail(ErrorCode::kInternal, "it is " + report.hello->build + " with protocol " +
                                          std::to_string(report.hello->protocol) + ", not " +
                                          std::string(BuildName()) + " with protocol " +
                                          std::to_string(kWireProtocol));
  return {};
}

void Gateway::OnReport(StepReport report) {
  {
    std::lock_guard lock(mutex_);
    if (!trouble_.empty()) return;
    if (auto hello = CheckHello(report); !hello) {
      trouble_ = hello.error().message;
      Nudge();
      return;
    }
    greeted_ = true;
    const int64_t now = SteadyMs();
    report_ms_ = now;
    if (report.steps != status_.steps || report.progress != progress_ || !report.events.empty() ||
        !HasWork())
      progress_ms_ = now;
    status_.steps = report.steps;
    status_.step_us = report.step_us;
    status_.model_us = report.model_us;
    progress_ = report.progress;
    status_.running = report.running;
    status_.queued = report.queued;
  }
  OnLoadState(report);
  for (RequestEvent& event : report.events) {
    if (auto fine = OnEvent(std::move(event)); !fine) return Distrust(fine.error().message);
  }
}

void Gateway::OnLoadState(StepReport& report) {
  if (std::holds_alternative<std::monostate>(report.load)) return;
  {
    std::lock_guard lock(mutex_);
    progress_ms_ = SteadyMs();
    if (auto* loading = std::get_if<LoadingState>(&report.load)) status_.loading = *loading;
    if (auto* ready = std::get_if<WorkerDescription>(&report.load)) {
      status_.model = std::move(*ready);
      if (!stopping_) status_.state = ModelState::kReady;
      status_.failure.reset();
      ready_ms_ = SteadyMs();
      first_load_over_ = true;
      changed_.notify_all();
    }
    if (auto* failed = std::get_if<Error>(&report.load)) {
      status_.failure = std::move(*failed);
      trouble_ = "could not load the model";
    }
  }
  if (std::holds_alternative<WorkerDescription>(report.load)) SubmitWaiting();
  Nudge();
}

void Gateway::SubmitWaiting() {
  std::lock_guard lock(mutex_);
  if (client_ == nullptr || status_.state != ModelState::kReady) return;
  progress_ms_ = SteadyMs();
  for (auto& [id, entry] : journal_.entries()) {
    if (entry.submitted) continue;
    entry.submitted = true;
    client_->Submit(entry.request);
  }
}

Status Gateway::OnEvent(RequestEvent event) {
  std::shared_ptr<EventSink> sink;
  {
    std::lock_guard lock(mutex_);
    JournalEntry* entry = journal_.Find(event.id);
    if (entry == nullptr || !entry->submitted)
      return Fail(ErrorCode::kInternal, "it reported an event for a request that it does not have");
    const auto* accepted = std::get_if<Accepted>(&event.event);
    const bool first = !entry->accepted;
    if (first != (accepted != nullptr) && !(first && std::holds_alternative<Error>(event.event)))
      return Fail(ErrorCode::kInternal,
                  "its first answer to a request was not Accepted, or not the only one");
    if (accepted != nullptr) {
      entry->accepted = true;
      entry->effective_seed = accepted->sampling.seed.value;
    }
    if (const auto* delta = std::get_if<Delta>(&event.event)) {
      if (event.first_index != entry->tokens_emitted)
        return Fail(ErrorCode::kInternal, "it lost or repeated a token");
      journal_.AppendTokens(*entry, delta->tokens);
    }
    sink = entry->sink;
    if (Ends(event.event)) journal_.Remove(event.id);
  }
  (*sink)(std::move(event.event));
  return {};
}

void Gateway::Distrust(const std::string& why) {
  {
    std::lock_guard lock(mutex_);
    if (trouble_.empty()) trouble_ = "broke the protocol: " + why;
  }
  Nudge();
}

}  // namespace ingle
