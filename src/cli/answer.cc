#include "cli/answer.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "base/utf8.h"
#include "cli/interrupts.h"
#include "engine/prompt.h"

namespace ingle {
namespace {

constexpr auto kInterruptPoll = std::chrono::milliseconds(20);

// Receives the events of one request on the engine's thread.
class AnswerReader {
 public:
  void Take(Event event) {
    std::lock_guard lock(mutex_);
    if (auto* delta = std::get_if<Delta>(&event)) {
      text_ += delta->text;
      std::fwrite(delta->text.data(), 1, delta->text.size(), stdout);
      if (!delta->text.empty()) std::fflush(stdout);
    } else if (auto* finished = std::get_if<Finished>(&event)) {
      finished_ = std::move(*finished);
    } else if (auto* error = std::get_if<Error>(&event)) {
      error_ = std::move(*error);
    }
    if (finished_ || error_) ended_.notify_all();
  }
  bool WaitForEnd(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, timeout, [this] { return finished_ || error_; });
  }
  Result<AnswerResult> Take() {
    std::lock_guard lock(mutex_);
    if (error_) return std::unexpected(std::move(*error_));
    return AnswerResult{{}, std::move(*finished_), std::move(text_)};
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::string text_;
  std::optional<Finished> finished_;
  std::optional<Error> error_;
};

template <class T>
void PrintValue(const char* name, const Sourced<T>& value) {
  std::fprintf(stderr, "  %-20s %-12.10g %s\n", name, static_cast<double>(value.value),
               std::string(OriginName(value.origin)).c_str());
}

PromptMaker MakerOf(const Engine& engine) {
  return {&engine.tokenizer(), engine.chat_template(), {}};
}

// `special`: characters that get a backslash before them.
std::string WithEscapes(std::string_view text, std::string_view special) {
  std::string out;
  char code[8];
  while (!text.empty()) {
    const size_t valid = ValidUtf8Prefix(text);
    for (size_t i = 0; i < std::max(valid, size_t{1}); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const auto next = static_cast<unsigned char>(i + 1 < valid ? text[i + 1] : 0);
      if (text[i] == '\n') {
        out += "\\n";
      } else if (text[i] == '\t') {
        out += "\\t";
      } else if (byte == 0xc2 && next < 0xa0 && valid != 0) {  // U+0080 to U+009F, two bytes.
        std::snprintf(code, sizeof code, "\\u%04x", next);
        out += code;
        ++i;
      } else if (byte < 0x20 || byte == 0x7f || valid == 0) {
        std::snprintf(code, sizeof code, "\\x%02x", byte);
        out += code;
      } else {
        if (special.find(text[i]) != std::string_view::npos) out += '\\';
        out += text[i];
      }
    }
    text.remove_prefix(std::max(valid, size_t{1}));
  }
  return out;
}

// The request's, else those that the model's files set.
void PrintStops(const Engine& engine, const GenerateRequest& request) {
  std::fprintf(stderr, "\nstop      ");
  for (const std::string& stop : request.stop)
    std::fprintf(stderr, " \"%s\"", Escaped(stop).c_str());
  const json::value* sampling = engine.text_facts().if_contains("sampling");
  const json::value* own =
      sampling == nullptr ? nullptr : sampling->as_object().if_contains("stop");
  if (own == nullptr || !request.stop.empty() || request.ignore_eos) return;
  for (const json::value& stop : own->at("value").as_array())
    std::fprintf(stderr, " \"%s\" (model)", Escaped(stop.as_string()).c_str());
}

}  // namespace

Result<AnswerResult> PrintAnswer(Engine& engine, GenerateRequest request) {
  auto reader = std::make_shared<AnswerReader>();
  std::string id = request.id;
  INGLE_TRY(Accepted accepted, engine.Submit(std::move(request), [reader](Event event) {
    reader->Take(std::move(event));
  }));
  PrintWarnings(accepted.warnings);
  while (!reader->WaitForEnd(kInterruptPoll))
    if (TakeInterrupt()) engine.Cancel(id);
  INGLE_TRY(AnswerResult result, reader->Take());
  result.accepted = std::move(accepted);
  if (isatty(STDOUT_FILENO) != 0 && !result.text.ends_with('\n')) std::fputc('\n', stdout);
  std::fflush(stdout);
  if (std::ferror(stdout) != 0)
    return Fail(ErrorCode::kInternal, "cannot write to standard output");
  return result;
}

Status PrintRequest(const Engine& engine, const GenerateRequest& request) {
  PromptMaker maker = MakerOf(engine);
  INGLE_TRY(RenderedConversation rendered, maker.Render(request, std::time(nullptr)));
  std::string prompt;
  for (const TextSpan& span : rendered.spans) prompt += span.text;
  std::vector<TokenId> tokens = maker.Tokenize(rendered.spans);
  const ModelInfo& info = engine.model_info();
  std::fprintf(stderr, "model      %s, %s, %s, %u threads, cache %s\n", info.name.c_str(),
               info.architecture.c_str(), info.tier.c_str(), info.threads,
               info.arithmetic_class.c_str());
  std::fprintf(stderr, "template   %s\n",
               std::holds_alternative<ChatPrompt>(request.prompt) ? "the model's chat template"
                                                                  : "none (raw)");
  std::fprintf(stderr, "prompt     \"%s\"\n", Escaped(prompt).c_str());
  std::fprintf(stderr, "tokens     %zu:", tokens.size());
  for (TokenId token : tokens) std::fprintf(stderr, " %d", token);
  PrintStops(engine, request);
  std::fprintf(stderr, "%s\nend tokens ",
               request.ignore_eos ? " (end tokens are forbidden: --ignore-eos)" : "");
  for (const EndToken& token : engine.end_tokens())
    std::fprintf(stderr, "%d %s (%s)  ", token.id, Escaped(token.spelling).c_str(),
                 token.source.c_str());
  std::fputc('\n', stderr);
  return {};
}

void PrintEffective(const Engine& engine, const Accepted& accepted) {
  const EffectiveSampling& s = accepted.sampling;
  std::fprintf(stderr, "context    %u of the model's %u\n", accepted.context,
               engine.model_info().context_max);
  std::fprintf(stderr, "max tokens %u\nsampling\n", accepted.max_tokens);
  PrintValue("temperature", s.temperature);
  PrintValue("top_k", s.top_k);
  PrintValue("top_p", s.top_p);
  PrintValue("min_p", s.min_p);
  PrintValue("typical_p", s.typical_p);
  PrintValue("repetition_penalty", s.repetition_penalty);
  PrintValue("frequency_penalty", s.frequency_penalty);
  PrintValue("presence_penalty", s.presence_penalty);
  PrintValue("repeat_last_n", s.repeat_last_n);
  std::fprintf(stderr, "  %-20s %-12llu %s\n", "seed",
               static_cast<unsigned long long>(s.seed.value),
               std::string(OriginName(s.seed.origin)).c_str());
}

void PrintWarnings(const std::vector<Warning>& warnings) {
  for (const Warning& warning : warnings)
    std::fprintf(stderr, "ingle: warning: %s\n", warning.message.c_str());
}

void PrintStatistics(const AnswerResult& result) {
  const Finished& f = result.finished;
  double decoded = f.completion_tokens > 1 ? f.completion_tokens - 1 : 0;
  std::fprintf(stderr,
               "ingle: %s (%s), %u prompt + %u tokens, first token after %.0f ms, %.1f tokens/s, "
               "seed %llu\n",
               std::string(FinishReasonName(f.reason)).c_str(),
               std::string(StopCauseName(f.cause)).c_str(), f.prompt_tokens, f.completion_tokens,
               f.queue_ms + f.prefill_ms, f.decode_ms > 0 ? decoded * 1000 / f.decode_ms : 0.0,
               static_cast<unsigned long long>(result.accepted.sampling.seed.value));
}

std::string Harmless(std::string_view text) { return WithEscapes(text, ""); }
std::string Escaped(std::string_view text) { return WithEscapes(text, "\"\\"); }

}  // namespace ingle
