#include "engine/generation.h"

#include <algorithm>

namespace ingle {
namespace {

std::vector<TokenId> Ids(const std::vector<EndToken>& end_tokens) {
  std::vector<TokenId> ids;
  for (const EndToken& token : end_tokens) ids.push_back(token.id);
  return ids;
}

double Milliseconds(Generation::Clock::time_point from, Generation::Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

// With ignore_eos the end tokens are forbidden, as in llama.cpp: an answer that merely went on
// after one would be nonsense.
Generation::Generation(GenerationSpec spec, const Tokenizer* tokenizer,
                       const std::vector<EndToken>& end_tokens)
    : tokens(std::move(spec.prompt)),
      spec_(std::move(spec)),
      tokenizer_(tokenizer),
      end_ids_(spec_.request.ignore_eos ? std::vector<TokenId>() : Ids(end_tokens)),
      sampler_(spec_.accepted.sampling, spec_.accepted.context,
               spec_.request.ignore_eos ? Ids(end_tokens) : std::vector<TokenId>()),
      detokenizer_(tokenizer),
      stop_matcher_(spec_.request.stop),
      submitted_(Clock::now()) {
  for (TokenId token : tokens) sampler_.Accept(token);
}

bool Generation::EndsWith(TokenId token) const {
  return std::binary_search(end_ids_.begin(), end_ids_.end(), token);
}

void Generation::MarkAdmitted(uint32_t cached) {
  if (was_admitted_) return;  // Again, after a preemption.
  was_admitted_ = true;
  cached_ = cached;
  admitted_ = Clock::now();
}

void Generation::AddText(std::string_view text) {
  if (text.empty() || done()) return;
  StopMatcher::Output output = stop_matcher_.Push(text);
  delta_.text += output.text;
  if (!output.matched) return;
  Finish(FinishReason::kStop, StopCause::kStopString);
  finished_->stop_string = spec_.request.stop[*output.matched];
}

void Generation::Take(SampledToken sampled) {
  if (!has_first_token_) {
    has_first_token_ = true;
    first_token_ = Clock::now();
  }
  TokenId token = sampled.token;
  if (EndsWith(token)) {
    Finish(FinishReason::kStop, StopCause::kEndToken);
    // A stop string may have been completed by the last bytes of the text.
    if (finished_->cause == StopCause::kEndToken) finished_->end_token = token;
    return;
  }
  tokens.push_back(token);
  sampler_.Accept(token);
  ++generated_;
  sampled.bytes = tokenizer_->TokenBytes(token, /*show_control=*/false);
  for (TokenLogprob& other : sampled.top)
    other.bytes = tokenizer_->TokenBytes(other.token, /*show_control=*/false);
  delta_.tokens.push_back(std::move(sampled));
  AddText(detokenizer_.Push(token));
  if (done() || generated_ < spec_.accepted.max_tokens) return;
  Finish(FinishReason::kLength,
         spec_.limited_by_context ? StopCause::kContextFull : StopCause::kMaxTokens);
}

// Whatever ends an answer: text that was held back is shown first.
void Generation::Finish(FinishReason reason, StopCause cause) {
  if (done()) return;
  if (cause != StopCause::kStopString) {
    AddText(detokenizer_.Finish());
    if (done()) return;
    delta_.text += stop_matcher_.Finish();
  }
  Finished finished;
  finished.reason = reason;
  finished.cause = cause;
  finished.prompt_tokens = spec_.accepted.prompt_tokens;
  finished.completion_tokens = generated_;
  finished.cached_tokens = cached_;
  auto now = Clock::now();
  auto admitted = was_admitted_ ? admitted_ : now;
  auto first = has_first_token_ ? first_token_ : now;
  finished.queue_ms = Milliseconds(submitted_, admitted);
  finished.prefill_ms = Milliseconds(admitted, first);
  finished.decode_ms = Milliseconds(first, now);
  finished_ = std::move(finished);
}

void Generation::Fail(Error error) {
  if (!done()) error_ = std::move(error);
}

void Generation::EmitProgress() {
  uint32_t total = spec_.accepted.prompt_tokens, now = std::min(prompt_done, total);
  if (now <= prompt_told_) return;  // Recomputing after a preemption is not news.
  prompt_told_ = now;
  spec_.sink(Progress{now, total});
}

void Generation::Emit() {
  EmitProgress();
  if (!delta_.tokens.empty() || !delta_.text.empty()) spec_.sink(std::exchange(delta_, {}));
  if (finished_) spec_.sink(*finished_);
  if (error_) spec_.sink(*error_);
}

}  // namespace ingle
