#pragma once
// One request while the engine has it: its tokens, its place, and what it still has to say.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "sampling/sampler.h"
#include "text/detokenizer.h"
#include "text/stop_matcher.h"

namespace ingle {

// What Submit worked out.
struct GenerationSpec {
  GenerateRequest request;
  EventSink sink;
  Accepted accepted;
  std::vector<TokenId> prompt;
  bool limited_by_context = false;  // accepted.max_tokens is what the context leaves.
};

class Generation {
 public:
  using Clock = std::chrono::steady_clock;

  Generation(GenerationSpec spec, const Tokenizer* tokenizer,
             const std::vector<EndToken>& end_tokens);

  const std::string& id() const { return spec_.request.id; }
  bool wants_logprobs() const { return spec_.request.top_logprobs.has_value(); }
  uint32_t top_logprobs() const { return spec_.request.top_logprobs.value_or(0); }
  const Sampler& sampler() const { return sampler_; }
  bool shares_cache() const { return spec_.request.cache_prompt; }
  const std::string& cache_scope() const { return spec_.request.cache_scope; }

  // The sampler's choice for the next position. Text, stop strings and limits follow from it.
  void Take(SampledToken sampled);
  void Finish(FinishReason reason, StopCause cause);
  void Fail(Error error);
  bool done() const { return finished_.has_value() || error_.has_value(); }

  // Tells the sink what has happened since the last call: Progress, Delta, then the end.
  void Emit();
  // cached: tokens that its sequence takes over from earlier ones.
  void MarkAdmitted(uint32_t cached);

  // Scheduling state, owned by Batch.
  uint64_t arrival = 0;
  std::vector<TokenId> tokens;         // Prompt and answer.
  std::unique_ptr<Sequence> sequence;  // Null while waiting.
  uint32_t pages = 0;
  bool paused = false;       // Makes no tokens until its reader has caught up.
  uint32_t prompt_done = 0;  // Prompt tokens processed, when a step did more than one.

 private:
  bool EndsWith(TokenId token) const;
  void AddText(std::string_view text);
  void EmitProgress();

  GenerationSpec spec_;
  const Tokenizer* tokenizer_;
  std::vector<TokenId> end_ids_;  // Empty with ignore_eos.
  Sampler sampler_;
  Detokenizer detokenizer_;
  StopMatcher stop_matcher_;
  uint32_t generated_ = 0, cached_ = 0;
  Delta delta_;
  std::optional<Finished> finished_;
  std::optional<Error> error_;
  uint32_t prompt_told_ = 0;  // The last Progress.
  Clock::time_point submitted_, admitted_, first_token_;
  bool was_admitted_ = false, has_first_token_ = false;
};

}  // namespace ingle
