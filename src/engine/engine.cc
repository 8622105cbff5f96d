#include "engine/engine.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "engine/prompt.h"
#include "engine/step.h"
#include "engine/text_facts.h"
#include "os/thread_team.h"
#include "request/request_limits.h"
#include "sampling/effective_sampling.h"

namespace ingle {
namespace {

int64_t NowUnixSeconds() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

ModelDefaults TakeDefaults(EngineParts* parts) {
  ModelDefaults defaults = FindModelDefaults(parts->metadata);
  std::ranges::move(defaults.warnings, std::back_inserter(parts->warnings));
  return defaults;
}

class LocalEngine final : public Engine {
 public:
  LocalEngine(EngineParts parts, const EngineOptions& options, uint32_t context)
      : parts_(std::move(parts)),
        options_(options),
        context_(context),
        defaults_(TakeDefaults(&parts_)),
        end_tokens_(FindEndTokens(*parts_.tokenizer, parts_.metadata, parts_.turn_endings)),
        text_facts_(DescribeText(parts_, end_tokens_, defaults_, options.sampling)),
        prompt_maker_{parts_.tokenizer.get(), parts_.chat_template.get(), parts_.template_error,
                      Usable(parts_)},
        batch_(parts_.model.get(),
               {options.max_sequences, options.prompt_chunk, static_cast<uint32_t>(Usable(parts_))},
               {[this](const std::string& id) { Forget(id); },
                [this](uint32_t running, uint32_t waiting) { Count(running, waiting); }}),
        thread_([this] { Run(); }) {}

  ~LocalEngine() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  Result<Accepted> Submit(GenerateRequest request, EventSink sink) override {
    INGLE_RETURN_IF_ERROR(CheckRequest(request));
    INGLE_RETURN_IF_ERROR(CheckBias(request.sampling));
    std::vector<std::string> notes;
    INGLE_TRY(std::vector<TokenId> prompt, prompt_maker_.Make(request, NowUnixSeconds(), &notes));
    INGLE_RETURN_IF_ERROR(
        FitsContext(prompt.size(), context_, std::holds_alternative<ChatPrompt>(request.prompt)));
    std::vector<Warning> unused;
    if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt))
      unused = UnusedByTemplate(*chat, *parts_.chat_template, parts_.template_report);
    GenerationSpec spec = Specify(std::move(request), std::move(sink), std::move(prompt));
    for (std::string& note : notes)
      spec.accepted.warnings.push_back({"messages_changed", "messages", std::move(note)});
    std::ranges::move(unused, std::back_inserter(spec.accepted.warnings));
    Accepted accepted = spec.accepted;
    auto generation =
        std::make_unique<Generation>(std::move(spec), parts_.tokenizer.get(), end_tokens_);
    INGLE_RETURN_IF_ERROR(Enqueue(std::move(generation)));
    return accepted;
  }

  void Cancel(const std::string& request_id) override {
    {
      std::lock_guard lock(mutex_);
      if (!in_flight_.contains(request_id)) return;
      cancels_.push_back(request_id);
    }
    wake_.notify_one();
  }

  void SetPaused(const std::string& request_id, bool paused) override {
    {
      std::lock_guard lock(mutex_);
      if (!in_flight_.contains(request_id)) return;
      pauses_.emplace_back(request_id, paused);
    }
    wake_.notify_one();
  }

  uint64_t steps() const override { return steps_; }
  uint64_t progress() const override { return steps_ + parts_.model->progress(); }
  uint64_t step_us() const override { return step_ns_ / 1000; }
  uint64_t model_us() const override { return batch_.model_ns() / 1000; }
  void OnStepEnd(std::function<void()> hook) override {
    std::lock_guard lock(mutex_);
    step_end_ = std::move(hook);
  }
  uint32_t running() const override { return running_; }
  uint32_t queued() const override {
    std::lock_guard lock(mutex_);
    return Queued();
  }
  const ModelInfo& model_info() const override { return parts_.model->info(); }
  uint32_t context() const override { return context_; }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  const ChatTemplate* chat_template() const override { return parts_.chat_template.get(); }
  const json::object& text_facts() const override { return text_facts_; }
  const std::vector<EndToken>& end_tokens() const override { return end_tokens_; }
  const std::vector<Warning>& warnings() const override { return parts_.warnings; }

 private:
  // Tokens that have a spelling and a logit.
  static size_t Usable(const EngineParts& parts) {
    return std::min<size_t>(parts.tokenizer->size(), parts.model->info().vocab);
  }

  Status CheckBias(const SamplingRequest& sampling) const {
    for (const auto& [token, bias] : sampling.logit_bias)
      if (token < 0 || static_cast<size_t>(token) >= Usable(parts_))
        return Fail(ErrorCode::kInvalidRequest,
                    "logit_bias names token " + std::to_string(token) +
                        "; this model has tokens 0 to " + std::to_string(Usable(parts_) - 1),
                    "logit_bias");
    return {};
  }

  GenerationSpec Specify(GenerateRequest request, EventSink sink,
                         std::vector<TokenId> prompt) const {
    GenerationSpec spec;
    Accepted& accepted = spec.accepted;
    accepted.prompt_tokens = static_cast<uint32_t>(prompt.size());
    accepted.context = context_;
    accepted.warnings = parts_.warnings;
    accepted.sampling =
        ResolveSampling(request.sampling, options_.sampling, defaults_.sampling, DrawSeed());
    if (request.stop.empty() && !request.ignore_eos) request.stop = defaults_.stop;
    uint32_t room = context_ - accepted.prompt_tokens;
    accepted.max_tokens = std::min(room, request.max_tokens.value_or(room));
    spec.limited_by_context = accepted.max_tokens == room && request.max_tokens != room;
    if (request.max_tokens.value_or(0) > room)
      accepted.warnings.push_back({"max_tokens_reduced", "max_tokens",
                                   "max_tokens is " + std::to_string(*request.max_tokens) +
                                       ", but the context has room for " + std::to_string(room) +
                                       " more tokens only"});
    spec.request = std::move(request);
    spec.sink = std::move(sink);
    spec.prompt = std::move(prompt);
    return spec;
  }

  Status Enqueue(std::unique_ptr<Generation> generation) {
    {
      std::lock_guard lock(mutex_);
      if (Queued() >= options_.max_queue)
        return Fail(ErrorCode::kUnavailable,
                    "the queue is full: " + std::to_string(options_.max_queue) +
                        " requests are waiting; try again later",
                    "", "queue_full");
      if (!in_flight_.insert(generation->id()).second)
        return Fail(ErrorCode::kInvalidRequest,
                    "a request with the id " + generation->id() + " is in flight already", "id");
      arrivals_.push_back(std::move(generation));
    }
    wake_.notify_one();
    return {};
  }

  void Forget(const std::string& id) {
    std::lock_guard lock(mutex_);
    in_flight_.erase(id);
  }

  void Count(uint32_t running, uint32_t waiting) {
    std::lock_guard lock(mutex_);
    running_ = running;
    waiting_ = waiting;
  }

  uint32_t Queued() const {  // Under the lock.
    return waiting_ + arriving_ + static_cast<uint32_t>(arrivals_.size());
  }

  // Waits for work when there is none. False: the engine ends.
  bool TakeInbox() {
    std::vector<std::unique_ptr<Generation>> arrivals;
    std::vector<std::string> cancels;
    std::vector<std::pair<std::string, bool>> pauses;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] {
        return stopping_ || batch_.runnable() || !arrivals_.empty() || !cancels_.empty() ||
               !pauses_.empty();
      });
      arrivals.swap(arrivals_);
      cancels.swap(cancels_);
      pauses.swap(pauses_);
      arriving_ = static_cast<uint32_t>(arrivals.size());
    }
    for (auto& arrival : arrivals) {
      batch_.Add(std::move(arrival));
      std::lock_guard lock(mutex_);
      --arriving_;
    }
    for (const auto& [id, paused] : pauses) batch_.SetPaused(id, paused);
    for (const std::string& id : cancels) batch_.Cancel(id);
    return !stopping_;
  }

  // No lock is held while the model runs or a sink is called.
  void Run() {
    NameThisThread("ingle-engine");
    while (TakeInbox()) {
      if (!batch_.runnable()) {
        step_end_();
        continue;
      }
      const auto begin = std::chrono::steady_clock::now();
      batch_.Step();
      ++steps_;
      step_ns_ += NanosecondsSince(begin);
      const auto end = std::chrono::steady_clock::now();
      step_end_();
      step_ns_ += NanosecondsSince(end);
    }
    batch_.CancelAll();
    step_end_();
  }

  EngineParts parts_;
  EngineOptions options_;
  uint32_t context_;
  ModelDefaults defaults_;
  std::vector<EndToken> end_tokens_;
  json::object text_facts_;
  PromptMaker prompt_maker_;

  mutable std::mutex mutex_;  // Guards the inbox.
  std::condition_variable wake_;
  std::function<void()> step_end_ = [] {};  // Does not change once there is work.
  std::vector<std::unique_ptr<Generation>> arrivals_;
  std::vector<std::string> cancels_;
  std::vector<std::pair<std::string, bool>> pauses_;  // In the order of the calls.
  std::unordered_set<std::string> in_flight_;
  uint32_t waiting_ = 0;   // In the batch.
  uint32_t arriving_ = 0;  // On their way from the inbox into the batch.

  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> steps_ = 0, step_ns_ = 0;
  std::atomic<uint32_t> running_ = 0;
  Batch batch_;         // The engine thread's own.
  std::thread thread_;  // Last: starts when all else is there.
};

// Tokens per sequence: what was asked for, at most what the cache holds in whole pages.
Result<uint32_t> ChooseContext(const ModelInfo& info, uint32_t wanted,
                               std::vector<Warning>* warnings) {
  uint32_t page = info.cache_page_tokens;
  uint64_t room = info.cache_tokens / page * page;
  uint64_t target = wanted != 0 ? wanted : info.context_max;
  if (wanted > info.context_max)
    return Fail(ErrorCode::kInvalidRequest,
                "the context of " + std::to_string(wanted) +
                    " tokens is longer than the model was made for; ask for --ctx " +
                    std::to_string(info.context_max) + " or less",
                "context");
  if (room < target && wanted != 0)
    return Fail(ErrorCode::kOutOfMemory,
                "the cache has room for " + std::to_string(room) +
                    " tokens, less than the context of " + std::to_string(wanted) +
                    " that was asked for; lower --ctx",
                "context");
  if (room < target)
    warnings->push_back({"context_reduced", "context",
                         "the context is " + std::to_string(room) +
                             " tokens instead of the model's " + std::to_string(target) +
                             ": memory holds no more"});
  target = std::min(target, room);
  if (target < 2)
    return Fail(ErrorCode::kOutOfMemory, "the cache has no room for a prompt and an answer");
  return static_cast<uint32_t>(target);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Create(EngineParts parts, const EngineOptions& options) {
  if (options.max_sequences == 0 || options.prompt_chunk == 0 || options.max_queue == 0)
    return Fail(ErrorCode::kInvalidRequest,
                "max_sequences, max_queue and prompt_chunk must be at least 1");
  INGLE_RETURN_IF_ERROR(CheckSampling(options.sampling));
  const ModelInfo& info = parts.model->info();
  const bool directory = parts.metadata.container == Container::kHuggingFace;
  if (directory && parts.tokenizer->size() > info.vocab)  // Gemma 3: one more, for images.
    parts.warnings.push_back({"tokens_without_logits", "model",
                              "the tokenizer has " + std::to_string(parts.tokenizer->size()) +
                                  " tokens, but the model only the first " +
                                  std::to_string(info.vocab) +
                                  "; a prompt with any of the others is refused"});
  if (!directory && parts.tokenizer->size() > info.vocab)
    return Fail(ErrorCode::kCorruptFile,
                "the tokenizer has " + std::to_string(parts.tokenizer->size()) +
                    " tokens, but the model computes logits for " + std::to_string(info.vocab),
                "tokenizer.ggml.tokens", "invalid_model_file");
  INGLE_TRY(uint32_t context, ChooseContext(info, options.context, &parts.warnings));
  return std::make_unique<LocalEngine>(std::move(parts), options, context);
}

}  // namespace ingle
