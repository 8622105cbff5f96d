#include "fake_engine.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

namespace ingle {
namespace {

constexpr int kTokensBeforeTrouble = 3;
const std::set<std::string, std::less<>> kTroubles = {"#crash", "#hang",   "#fail", "#slow",
                                                      "#shout", "#garble", "#nan"};
constexpr auto kFlagPoll = std::chrono::milliseconds(5);
constexpr size_t kShoutBytes = size_t{4} << 20;

class ByteTokenizer final : public Tokenizer {
 public:
  std::vector<TokenId> Encode(std::span<const TextSpan> spans, bool) const override {
    std::vector<TokenId> out;
    for (const TextSpan& span : spans)
      for (const char c : span.text) out.push_back(static_cast<unsigned char>(c));
    return out;
  }
  std::string TokenBytes(TokenId id, bool) const override {
    return std::string(1, static_cast<char>(id));
  }
  std::string Decode(std::span<const TokenId> ids, bool) const override {
    std::string out;
    for (const TokenId id : ids) out += static_cast<char>(id);
    return out;
  }
  size_t size() const override { return 256; }
  TokenKind Kind(TokenId) const override { return TokenKind::kByte; }
  std::optional<TokenId> Find(std::string_view) const override { return std::nullopt; }
  std::string_view Spelling(TokenId) const override { return {}; }
};

class PlainTemplate final : public ChatTemplate {
 public:
  Result<std::vector<TextSpan>> Render(const json::array& messages, const json::array& tools,
                                       const RenderOptions& options) const override {
    if (options.variables.contains("fail"))
      return Fail(ErrorCode::kInvalidRequest, "the template says no", "messages", "template_error");
    std::string text = tools.empty() ? "" : json::serialize(tools) + "\n";
    for (const json::value& message : messages) text += json::serialize(message) + "\n";
    return std::vector<TextSpan>{{text, false}};
  }
  std::string_view source() const override { return {}; }
  bool Uses(std::string_view) const override { return false; }
};

std::string TextOf(const json::value& content) {
  if (content.is_string()) return std::string(content.get_string().c_str());
  std::string text;
  if (content.is_array())
    for (const json::value& part : content.get_array())
      if (const json::value* piece = part.get_object().if_contains("text"))
        text += std::string(piece->get_string().c_str());
  return text;
}

// What the model would say to, and the size of its prompt.
struct Prompt {
  std::string text;
  size_t tokens = 0;
};

Prompt PromptOf(const GenerateRequest& request) {
  if (const auto* text = std::get_if<TextPrompt>(&request.prompt))
    return {text->text, text->text.size()};
  if (const auto* tokens = std::get_if<TokenPrompt>(&request.prompt)) {
    std::string text;
    for (const int32_t token : tokens->tokens) text += static_cast<char>(token);
    return {text, tokens->tokens.size()};
  }
  const auto& chat = std::get<ChatPrompt>(request.prompt);
  const json::value* content = chat.messages.back().get_object().if_contains("content");
  return {content == nullptr ? "" : TextOf(*content), json::serialize(chat.messages).size()};
}

uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

struct Running {
  GenerateRequest request;
  EventSink sink;
  Accepted accepted;
  std::function<std::string(size_t)> word;  // Token i of the answer; made when it is said,
  size_t words = 0;                         // for there may be a hundred million.
  std::string command;
  size_t said = 0;
  int slow_ms = 0;
  int prefill_ms_left = 0, prefill_ms = 0;
  bool cancelled = false, paused = false;
  std::string text;  // For stop strings.
};

void PlanWords(Running& running, const Prompt& prompt) {
  std::istringstream in(prompt.text);
  std::string word;
  in >> word;
  if (word == "#prefill") {
    in >> running.prefill_ms;
    running.prefill_ms_left = running.prefill_ms;
    in >> word;
  }
  size_t count = 0, bytes = 0;
  if (word == "#count" && in >> count) {
    running.words = count;
    running.word = [](size_t i) { return std::to_string(i + 1) + " "; };
  } else if (word == "#wide" && in >> count >> bytes) {
    running.words = count;
    running.word = [bytes](size_t i) {
      std::string text = std::to_string(i + 1);
      text.resize(std::max(bytes, text.size() + 1), ' ');
      return text;
    };
  } else if (word == "#hash" && in >> count) {
    uint64_t state = Mix(running.accepted.sampling.seed.value);
    for (const char c : prompt.text) state = Mix(state ^ static_cast<unsigned char>(c));
    running.words = count;
    running.word = [state](size_t i) { return std::to_string(Mix(state + i) % 100000) + " "; };
  } else if (kTroubles.contains(word)) {
    running.command = word;
    in >> running.slow_ms;
    running.words = 100;
    running.word = [](size_t) { return std::string("x "); };
  } else {
    std::vector<std::string> words;
    if (word == "#utf8") {
      words = {"a\xe2\x80\xa8", "b\xc2\x85", "\xf0\x9f\x98\x80", "\xe4\xb8\xad\xe6\x96\x87",
               "\"\\\n"};
    } else {
      for (bool more = !word.empty(); more; more = static_cast<bool>(in >> word))
        words.push_back(word + " ");
    }
    running.words = words.size();
    running.word = [words = std::move(words)](size_t i) { return words[i]; };
  }
}

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(const FakeEngineOptions& options) : options_(options) {
    info_.architecture = "fake";
    info_.name = "fake";
    info_.tier = "portable";
    info_.vocab = 256;
    info_.arithmetic_class = "fake-1";
    thread_ = std::thread([this] { Loop(); });
  }
  ~FakeEngine() override {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  Result<Accepted> Submit(GenerateRequest request, EventSink sink) override {
    const Prompt prompt = PromptOf(request);
    if (const auto* chat = std::get_if<ChatPrompt>(&request.prompt)) {
      RenderOptions options;
      options.variables = chat->template_variables;
      INGLE_TRY(const auto spans, template_.Render(chat->messages, chat->tools, options));
    }
    if (prompt.tokens > options_.context)
      return Fail(ErrorCode::kInvalidRequest,
                  "This model's maximum context length is " + std::to_string(options_.context) +
                      " tokens. However, your messages resulted in " +
                      std::to_string(prompt.tokens) + " tokens.",
                  "messages", "context_length_exceeded");
    Running running;
    running.accepted.prompt_tokens = static_cast<uint32_t>(prompt.tokens);
    running.accepted.context = options_.context;
    running.accepted.max_tokens = request.max_tokens.value_or(options_.context);
    running.accepted.sampling.seed = {request.sampling.seed.value_or(1), Origin::kRequest};
    PlanWords(running, prompt);
    Accepted accepted = running.accepted;
    running.request = std::move(request);
    running.sink = std::move(sink);
    std::lock_guard lock(mutex_);
    all_.push_back(std::move(running));
    Count();
    wake_.notify_all();
    return accepted;
  }

  void Cancel(const std::string& id) override {
    std::lock_guard lock(mutex_);
    for (Running& running : all_)
      if (running.request.id == id) running.cancelled = true;
    wake_.notify_all();
  }

  void SetPaused(const std::string& id, bool paused) override {
    std::lock_guard lock(mutex_);
    for (Running& running : all_)
      if (running.request.id == id) running.paused = paused && !options_.ignores_pauses;
    wake_.notify_all();
  }

  uint64_t steps() const override { return steps_; }
  uint64_t progress() const override { return progress_; }
  void OnStepEnd(std::function<void()> hook) override { step_end_ = std::move(hook); }
  uint32_t running() const override { return running_; }
  uint32_t queued() const override { return queued_; }
  const ModelInfo& model_info() const override { return info_; }
  uint32_t context() const override { return options_.context; }
  const Tokenizer& tokenizer() const override { return tokenizer_; }
  const ChatTemplate* chat_template() const override { return &template_; }
  const std::vector<EndToken>& end_tokens() const override { return end_tokens_; }
  const json::object& text_facts() const override { return text_facts_; }
  const std::vector<Warning>& warnings() const override { return warnings_; }

 private:
  void Loop() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      const bool held = HasFlag(options_.flags, "steps");
      const auto goes_on = [held](const Running& one) {
        return one.cancelled || (!held && !one.paused);
      };
      if (std::ranges::none_of(all_, goes_on)) {
        if (held)
          wake_.wait_for(lock, kFlagPoll);
        else
          wake_.wait(lock);
        continue;
      }
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(options_.step_ms));
      lock.lock();
      const size_t active = std::min<size_t>(all_.size(), options_.max_sequences);
      std::vector<size_t> done;
      for (size_t i = 0; i < all_.size(); ++i)
        if ((i < active || all_[i].cancelled) && goes_on(all_[i]) && Step(all_[i]))
          done.push_back(i);
      for (auto i = done.rbegin(); i != done.rend(); ++i)
        all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(*i));
      Count();
      ++steps_;
      lock.unlock();
      step_end_();
      lock.lock();
    }
  }

  void Count() {
    const size_t running = std::min<size_t>(all_.size(), options_.max_sequences);
    running_ = static_cast<uint32_t>(running);
    queued_ = static_cast<uint32_t>(all_.size() - running);
  }

  Finished End(const Running& running, FinishReason reason, StopCause cause) const {
    Finished finished;
    finished.reason = reason;
    finished.cause = cause;
    finished.end_token = cause == StopCause::kEndToken ? 0 : -1;
    finished.prompt_tokens = running.accepted.prompt_tokens;
    finished.completion_tokens = static_cast<uint32_t>(running.said);
    return finished;
  }

  void MakeTrouble(Running& running) {
    const std::string command = std::exchange(running.command, "");
    if (command == "#crash") {
      // The client has what was said before by then, so it sees an answer break off.
      while (!HasFlag(options_.flags, "crash")) std::this_thread::sleep_for(kFlagPoll);
      abort();
    }
    while (command == "#hang") std::this_thread::sleep_for(std::chrono::seconds(1));
    for (int slept_ms = 0; command == "#slow" && slept_ms < running.slow_ms; slept_ms += 10) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      ++progress_;
    }
    // More than any pipe holds: whoever does not read it stops us here.
    if (command == "#shout") fputs(std::string(kShoutBytes, '!').c_str(), stderr);
    if (command == "#garble") running.sink(Delta{"\xff is no UTF-8", {}});
    if (command == "#nan") running.sink(Delta{"", {{1, "", std::nan(""), {}}}});
  }

  // True when the sequence has ended.
  bool Step(Running& running) {
    if (running.cancelled) {
      running.sink(End(running, FinishReason::kCancelled, StopCause::kCancelled));
      return true;
    }
    if (running.prefill_ms_left > 0) {
      running.prefill_ms_left -= options_.step_ms;
      const int done = running.prefill_ms - std::max(running.prefill_ms_left, 0);
      running.sink(
          Progress{static_cast<uint32_t>(done), static_cast<uint32_t>(running.prefill_ms)});
      return false;
    }
    if (running.said == kTokensBeforeTrouble && !running.command.empty()) {
      if (running.command == "#fail") {
        running.sink(Error{ErrorCode::kInternal, "a number was not finite", "", "numeric_error"});
        return true;
      }
      MakeTrouble(running);
    }
    if (running.said >= running.words) {
      running.sink(End(running, FinishReason::kStop, StopCause::kEndToken));
      return true;
    }
    return Say(running);
  }

  bool Say(Running& running) {
    const std::string word = running.word(running.said);
    Delta delta;
    SampledToken token;
    token.token = static_cast<int32_t>(running.said);
    if (running.request.top_logprobs) {
      token.bytes = word;
      token.logprob = -0.5;
      for (uint32_t i = 0; i < *running.request.top_logprobs; ++i)
        token.top.push_back({static_cast<int32_t>(i), -0.5 - i, "t" + std::to_string(i)});
    }
    delta.tokens.push_back(std::move(token));
    ++running.said;
    for (const std::string& stop : running.request.stop) {
      if ((running.text + word).find(stop) == std::string::npos) continue;
      running.sink(std::move(delta));
      running.sink(End(running, FinishReason::kStop, StopCause::kStopString));
      return true;
    }
    running.text += word;
    delta.text = word;
    running.sink(std::move(delta));
    if (running.said < running.accepted.max_tokens) return false;
    running.sink(End(running, FinishReason::kLength, StopCause::kMaxTokens));
    return true;
  }

  const FakeEngineOptions options_;
  ModelInfo info_;
  ByteTokenizer tokenizer_;
  PlainTemplate template_;
  std::vector<EndToken> end_tokens_;
  json::object text_facts_{
      {"sampling",
       {{"temperature", {{"value", 0.25}, {"origin", "model"}, {"key", "fake.temperature"}}},
        {"top_k", {{"value", 40}, {"origin", "built-in"}}}}},
      {"warnings", {"the fake model has no weights"}}};
  std::vector<Warning> warnings_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Running> all_;
  std::atomic<uint64_t> steps_{0}, progress_{0};
  std::atomic<uint32_t> running_{0}, queued_{0};
  std::function<void()> step_end_ = [] {};
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace

bool HasFlag(const std::string& folder, const char* name) {
  return !folder.empty() && access((folder + "/" + name).c_str(), F_OK) == 0;
}

std::unique_ptr<Engine> MakeFakeEngine(const FakeEngineOptions& options) {
  return std::make_unique<FakeEngine>(options);
}

}  // namespace ingle
