#pragma once
// What a generation reports, in order: Accepted or Error; then Progress, Delta ...; at last
// Finished or Error.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ingle {

// Something the caller should know that is not an error. `field` is the request field or setting
// concerned.
struct Warning {
  std::string code;  // "unknown_field", "ignored_field", "context_reduced", ...
  std::string field;
  std::string message;
};

enum class Origin : uint8_t { kRequest, kServer, kModel, kBuiltIn, kDrawn };
std::string_view OriginName(Origin origin);

template <class T>
struct Sourced {
  T value{};
  Origin origin = Origin::kBuiltIn;
};

struct EffectiveSampling {
  Sourced<double> temperature{0.8}, top_p{0.95}, min_p{0.05}, typical_p{1.0};
  Sourced<double> repetition_penalty{1.0}, frequency_penalty{0.0}, presence_penalty{0.0};
  Sourced<int64_t> top_k{40}, repeat_last_n{64};
  Sourced<uint64_t> seed{0, Origin::kDrawn};
  std::vector<std::pair<int32_t, double>> logit_bias;
};

struct Accepted {
  uint32_t prompt_tokens = 0;
  uint32_t max_tokens = 0;  // After the room left in the context.
  uint32_t context = 0;     // Tokens that fit, prompt and answer together.
  EffectiveSampling sampling;
  std::vector<Warning> warnings;
};

struct Progress {
  uint32_t prompt_done = 0, prompt_total = 0;
};

struct TokenLogprob {
  int32_t token = 0;
  double logprob = 0;
  std::string bytes;
};
// Log-probabilities are the log-softmax of the model's own logits: before bias, penalties, filters
// and temperature.
struct SampledToken {
  int32_t token = 0;
  std::string bytes;   // Raw bytes of the token; may cut UTF-8. Empty for a control token.
  double logprob = 0;  // Only when asked for, like top.
  std::vector<TokenLogprob> top;
};

struct Delta {
  std::string text;  // Valid UTF-8; empty while a character or a stop string is incomplete.
  std::vector<SampledToken> tokens;  // Tokens sampled since the last Delta.
};

enum class FinishReason : uint8_t { kStop, kLength, kCancelled };
// What exactly ended it: shown by the commands and by explain.
// kNothingAllowed: logit_bias forbids every token.
enum class StopCause : uint8_t {
  kEndToken,
  kStopString,
  kMaxTokens,
  kContextFull,
  kCancelled,
  kNothingAllowed
};
std::string_view StopCauseName(StopCause cause);         // "end_token", "stop_string", ...
std::string_view FinishReasonName(FinishReason reason);  // "stop", "length", "cancelled"

struct Finished {
  FinishReason reason = FinishReason::kStop;
  StopCause cause = StopCause::kEndToken;
  int32_t end_token = -1;   // For kEndToken.
  std::string stop_string;  // For kStopString.
  uint32_t prompt_tokens = 0;
  uint32_t completion_tokens = 0;  // As many as the Deltas carried: an end token is not among them.
  uint32_t cached_tokens = 0;      // Of the prompt: taken from earlier requests.
  double queue_ms = 0, prefill_ms = 0, decode_ms = 0;
};

using Event = std::variant<Accepted, Progress, Delta, Finished, Error>;

}  // namespace ingle
