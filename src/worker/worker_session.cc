#include "worker/worker_session.h"

#include <chrono>
#include <ctime>

namespace ingle {
namespace {

// Tokenizing a long prompt must not delay the next request's start, nor anybody's cancellation.
constexpr int kSubmitThreads = 2;
constexpr auto kReportInterval = std::chrono::seconds(1);
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
  return out;
}

}  // namespace

WorkerSession::WorkerSession() {
  for (int i = 0; i < kSubmitThreads; ++i) submitters_.emplace_back([this] { SubmitLoop(); });
}

WorkerSession::~WorkerSession() {
  OnStreamEnd();
  for (std::thread& thread : submitters_) thread.join();
}

void WorkerSession::ReportLoading(uint64_t bytes_done, uint64_t bytes_total) {
  std::lock_guard lock(mutex_);
  pending_.load = LoadingState{bytes_done, bytes_total};
  Wake();
}

void WorkerSession::ReportReady(Engine* engine) {
  WorkerDescription description = DescriptionOf(*engine);
  std::lock_guard lock(mutex_);
  engine_ = engine;
  pending_.load = std::move(description);
  Wake();
}

void WorkerSession::ReportFailed(Error error) {
  std::lock_guard lock(mutex_);
  pending_.load = std::move(error);
  Wake();
}

void WorkerSession::WaitForEnd(int timeout_ms) {
  std::unique_lock lock(mutex_);
  if (timeout_ms < 0)
    ended_.wait(lock, [this] { return over_; });
  else
    ended_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return over_; });
}

void WorkerSession::Wake() {
  if (has_news_) return;
  has_news_ = true;
  news_.notify_one();
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
  Active& active = found->second;
  if (!accepted) return Post(id, active, std::move(accepted).error());
  active.accepted = true;
  cancelled = active.cancelled;
  std::vector<Event> held = std::move(active.held);
  Post(id, active, *std::move(accepted));
  for (Event& event : held) {
    const bool last =
        std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event);
    Post(id, active, std::move(event));
    if (last) return;
  }
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

void WorkerSession::OnEvent(const std::string& id, Event event) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(id);
  if (found == active_.end()) return;
  if (found->second.accepted)
    Post(id, found->second, std::move(event));
  else
    found->second.held.push_back(std::move(event));
}

void WorkerSession::Post(const std::string& id, Active& active, Event event) {
  RequestEvent out{id, std::move(event), active.tokens_reported};
  if (const auto* delta = std::get_if<Delta>(&out.event))
    active.tokens_reported += static_cast<uint32_t>(delta->tokens.size());
  const bool last =
      std::holds_alternative<Finished>(out.event) || std::holds_alternative<Error>(out.event);
  if (last) active_.erase(out.id);
  pending_.events.push_back(std::move(out));
  Wake();
}

void WorkerSession::PostError(const std::string& id, Error error) {
  pending_.events.push_back({id, std::move(error), 0});
  Wake();
}

bool WorkerSession::NextReport(StepReport* report) {
  Engine* engine = nullptr;
  {
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, kReportInterval, [this] { return has_news_ || over_; });
    if (over_) return false;
    *report = std::exchange(pending_, StepReport());
    has_news_ = false;
    engine = engine_;
  }
  // Without our lock: the engine may hold its own while it calls OnEvent.
  if (engine != nullptr) {
    report->steps = engine->steps();
    report->running = engine->running();
    report->queued = engine->queued();
  }
  return true;
}

void WorkerSession::OnStreamEnd() {
  std::lock_guard lock(mutex_);
  over_ = true;
  news_.notify_all();
  submit_wake_.notify_all();
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
