#include "worker/worker_session.h"

#include <chrono>
#include <ctime>

namespace ingle {
namespace {

// Tokenizing a long prompt must not delay the next request's start, nor anybody's cancellation.
constexpr int kSubmitThreads = 2;
constexpr size_t kMaxDetokenize = 1 << 20;

WorkerDescription DescriptionOf(const Engine& engine) {
  const ModelInfo& info = engine.model_info();
  WorkerDescription out;
  out.name = info.name;
  out.architecture = info.architecture;
  out.tier = info.tier;
  out.arithmetic_class = info.arithmetic_class;
  out.context = engine.context();
  out.vocab = info.vocab;
  out.threads = info.threads;
  out.parameters = info.parameters;
  out.weight_bytes = info.weight_bytes;
  out.has_chat_template = engine.chat_template() != nullptr;
  out.text_facts = engine.text_facts();
  return out;
}

void Count(const Engine& engine, StepReport* report) {
  report->steps = engine.steps();
  report->progress = engine.progress();
  report->step_us = engine.step_us();
  report->model_us = engine.model_us();
  report->running = engine.running();
  report->queued = engine.queued();
}

void CopyCounts(const StepReport& from, StepReport* to) {
  to->steps = from.steps;
  to->progress = from.progress;
  to->step_us = from.step_us;
  to->model_us = from.model_us;
  to->running = from.running;
  to->queued = from.queued;
}

}  // namespace

WorkerSession::WorkerSession(ReportIntervals intervals) : intervals_(intervals) {
  for (int i = 0; i < kSubmitThreads; ++i) submitters_.emplace_back([this] { SubmitLoop(); });
}

WorkerSession::~WorkerSession() {
  OnStreamEnd();
  for (std::thread& thread : submitters_) thread.join();
}

// Wakes nobody: the next report has it, as often as the interval says.
void WorkerSession::ReportLoading(uint64_t bytes_done, uint64_t bytes_total) {
  std::lock_guard lock(mutex_);
  loading_ = {bytes_done, bytes_total};
  loading_changed_ = true;
}

void WorkerSession::ReportReady(Engine* engine) {
  WorkerDescription description = DescriptionOf(*engine);
  engine->OnStepEnd([this, engine] { EndStep(*engine); });
  std::lock_guard lock(mutex_);
  engine_ = engine;
  load_over_ = true;
  BetweenSteps().load = std::move(description);
}

void WorkerSession::ReportFailed(Error error) {
  std::lock_guard lock(mutex_);
  load_over_ = true;
  BetweenSteps().load = std::move(error);
}

void WorkerSession::WaitForEnd(int timeout_ms) {
  std::unique_lock lock(mutex_);
  if (timeout_ms < 0)
    ended_.wait(lock, [this] { return over_; });
  else
    ended_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return over_; });
}

// The report for what happens outside of steps, behind all that is waiting already.
StepReport& WorkerSession::BetweenSteps() {
  if (outbox_.empty() || outbox_.back().is_step) outbox_.emplace_back();
  news_.notify_one();
  return outbox_.back().report;
}

void WorkerSession::Submit(Result<GenerateRequest> request, const std::string& id) {
  std::lock_guard lock(mutex_);
  if (!request) return PostError(id, request.error());
  if (engine_ == nullptr)
    return PostError(id,
                     {ErrorCode::kUnavailable, "the model is still loading", "", "model_loading"});
  if (draining_)
    return PostError(
        id, {ErrorCode::kUnavailable, "the server is shutting down", "", "server_shutting_down"});
  if (!active_.try_emplace(request->id).second)
    return;  // The first one's events go on under this id.
  to_submit_.push_back(*std::move(request));
  submit_wake_.notify_one();
}

void WorkerSession::SubmitLoop() {
  while (true) {
    GenerateRequest request;
    {
      std::unique_lock lock(mutex_);
      submit_wake_.wait(lock, [this] { return over_ || !to_submit_.empty(); });
      if (over_) return;
      request = std::move(to_submit_.front());
      to_submit_.pop_front();
    }
    SubmitNow(std::move(request));
  }
}

void WorkerSession::SubmitNow(GenerateRequest request) {
  const std::string id = request.id;
  bool cancelled = false;
  {
    std::lock_guard lock(mutex_);
    cancelled = active_[id].cancelled;
  }
  Result<Accepted> accepted =
      cancelled ? Fail(ErrorCode::kCancelled, "cancelled before it began", "", "cancelled")
                : engine_->Submit(std::move(request),
                                  [this, id](Event event) { OnEvent(id, std::move(event)); });
  std::unique_lock lock(mutex_);
  const auto found = active_.find(id);
  if (found == active_.end()) return;
  if (!accepted) {
    active_.erase(found);
    return PostError(id, std::move(accepted).error());
  }
  Active& active = found->second;
  active.accepted = true;
  cancelled = active.cancelled;
  BetweenSteps().events.push_back({id, *std::move(accepted), 0});
  std::vector<Event> held = std::move(active.held);
  if (!held.empty()) --holding_;
  for (Event& event : held) AddToStep(id, active, std::move(event));  // The last may end `active`.
  step_may_end_.notify_all();
  lock.unlock();
  if (cancelled) engine_->Cancel(id);
}

void WorkerSession::Cancel(const std::string& request_id) {
  Engine* engine = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto found = active_.find(request_id);
    if (found == active_.end()) return;
    found->second.cancelled = true;
    if (found->second.accepted) engine = engine_;
  }
  if (engine != nullptr) engine->Cancel(request_id);
}

void WorkerSession::SetPaused(const std::string& request_id, bool paused) {
  Engine* engine = nullptr;
  {
    std::lock_guard lock(mutex_);
    const auto found = active_.find(request_id);
    // Nothing was made before Accepted, so no reader can be behind.
    if (found == active_.end() || !found->second.accepted) return;
    engine = engine_;
  }
  engine->SetPaused(request_id, paused);
}

void WorkerSession::OnEvent(const std::string& id, Event event) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(id);
  if (found == active_.end()) return;
  Active& active = found->second;
  if (active.accepted) return AddToStep(id, active, std::move(event));
  if (active.held.empty()) ++holding_;
  active.held.push_back(std::move(event));
}

void WorkerSession::AddToStep(const std::string& id, Active& active, Event event) {
  RequestEvent out{id, std::move(event), active.tokens_reported};
  if (const auto* delta = std::get_if<Delta>(&out.event))
    active.tokens_reported += static_cast<uint32_t>(delta->tokens.size());
  const bool last =
      std::holds_alternative<Finished>(out.event) || std::holds_alternative<Error>(out.event);
  if (last) active_.erase(out.id);
  step_events_.push_back(std::move(out));
}

// On the engine's thread. Waits for the few instructions that a submitting thread may still have to
// go until its Accepted is posted, so that no step's events are torn apart; and for the gateway,
// when it has fallen far behind.
void WorkerSession::EndStep(const Engine& engine) {
  Outgoing step{{}, true};
  Count(engine, &step.report);
  std::unique_lock lock(mutex_);
  step_may_end_.wait(
      lock, [this] { return over_ || (holding_ == 0 && outbox_.size() < kMaxWaitingReports); });
  if (over_ || (step.report.steps == steps_ended_ && step_events_.empty())) return;
  steps_ended_ = step.report.steps;
  step.report.events = std::exchange(step_events_, {});
  outbox_.push_back(std::move(step));
  news_.notify_one();
}

void WorkerSession::PostError(const std::string& id, Error error) {
  BetweenSteps().events.push_back({id, std::move(error), 0});
}

std::chrono::milliseconds WorkerSession::Interval() const {
  if (!load_over_) return intervals_.loading;
  return active_.empty() ? intervals_.idle : intervals_.busy;
}

// What the engine has counted is read here, on the stream's own thread: when it does not rise, the
// gateway hears just that.
bool WorkerSession::NextReport(StepReport* report) {
  Outgoing next;
  Engine* engine = nullptr;
  {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, Interval(), [this] { return !outbox_.empty() || over_; });
    if (over_) return false;
    if (!outbox_.empty()) {
      next = std::move(outbox_.front());
      outbox_.pop_front();
      step_may_end_.notify_all();
    }
    if (std::exchange(loading_changed_, false) && !load_over_) next.report.load = loading_;
    // Steps that wait in the outbox bring their counts themselves.
    if (outbox_.empty()) engine = engine_;
  }
  // Without our lock: the engine may hold its own while it calls OnEvent.
  if (next.is_step)
    CopyCounts(next.report, &told_);
  else if (engine != nullptr)
    Count(*engine, &told_);
  CopyCounts(told_, &next.report);
  *report = std::move(next.report);
  return true;
}

void WorkerSession::OnStreamEnd() {
  std::lock_guard lock(mutex_);
  over_ = true;
  news_.notify_all();
  submit_wake_.notify_all();
  step_may_end_.notify_all();
  ended_.notify_all();
}

void WorkerSession::Drain() {
  std::lock_guard lock(mutex_);
  draining_ = true;
}

Result<Engine*> WorkerSession::ReadyEngine() {
  std::lock_guard lock(mutex_);
  if (engine_ == nullptr)
    return Fail(ErrorCode::kUnavailable, "the model is still loading", "", "model_loading");
  return engine_;
}

Result<std::vector<int32_t>> WorkerSession::Tokenize(const std::string& text, bool add_special,
                                                     bool recognise_special) {
  INGLE_TRY(const Engine* engine, ReadyEngine());
  const TextSpan span{text, recognise_special};
  return engine->tokenizer().Encode(std::span(&span, 1), add_special);
}

Result<std::string> WorkerSession::Detokenize(const std::vector<int32_t>& tokens) {
  INGLE_TRY(const Engine* engine, ReadyEngine());
  if (tokens.size() > kMaxDetokenize)
    return Fail(ErrorCode::kTooLarge, "more than " + std::to_string(kMaxDetokenize) + " tokens",
                "tokens");
  const size_t vocab = engine->tokenizer().size();
  for (const int32_t token : tokens)
    if (token < 0 || static_cast<size_t>(token) >= vocab)
      return Fail(
          ErrorCode::kInvalidRequest,
          "token " + std::to_string(token) + " is outside 0 to " + std::to_string(vocab - 1),
          "tokens", "invalid_token_id");
  return engine->tokenizer().Decode(tokens, true);
}

Result<std::string> WorkerSession::Render(const ChatPrompt& prompt) {
  INGLE_TRY(const Engine* engine, ReadyEngine());
  if (engine->chat_template() == nullptr)
    return Fail(ErrorCode::kUnsupported, "the model has no chat template", "messages",
                "no_chat_template");
  RenderOptions options;
  options.add_generation_prompt = prompt.add_generation_prompt;
  options.variables = prompt.template_variables;
  options.now_unix_s = static_cast<int64_t>(std::time(nullptr));
  INGLE_TRY(const auto spans,
            engine->chat_template()->Render(prompt.messages, prompt.tools, options));
  std::string text;
  for (const TextSpan& span : spans) text += span.text;
  return text;
}

Result<WorkerDescription> WorkerSession::Describe() {
  INGLE_TRY(const Engine* engine, ReadyEngine());
  return DescriptionOf(*engine);
}

std::vector<std::string> WorkerSession::Capabilities() {
  return {"chat",       "text",     "tokens",     "stop",  "ignore_eos", "logprobs",
          "logit_bias", "seed",     "penalties",  "top_k", "top_p",      "min_p",
          "typical_p",  "tokenize", "detokenize", "render"};
}

}  // namespace ingle
