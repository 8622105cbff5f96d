#pragma once
// One generation, from whatever protocol or command it came: plain data that crosses process
// borders.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

namespace ingle {

// Absent fields take the model's default, then the built-in one (see EffectiveSampling).
struct SamplingRequest {
  std::optional<double> temperature, top_p, min_p, typical_p;
  std::optional<double> repetition_penalty, frequency_penalty, presence_penalty;
  std::optional<int64_t> top_k, repeat_last_n;
  std::vector<std::pair<int32_t, double>> logit_bias;  // -infinity forbids a token.
  std::optional<uint64_t> seed;                        // Absent: drawn once, reported in Accepted.
};

struct ChatPrompt {
  json::array messages;  // As the client sent them, after api/ normalised roles and content parts.
  json::array tools;
  json::object template_variables;  // chat_template_kwargs
  bool add_generation_prompt = true;
};
struct TextPrompt {
  std::string text;
  bool recognise_special = true;
};
struct TokenPrompt {
  std::vector<int32_t> tokens;
};

struct GenerateRequest {
  std::string id;  // Unique while in flight; appears in logs and responses.
  std::variant<ChatPrompt, TextPrompt, TokenPrompt> prompt;
  SamplingRequest sampling;
  std::optional<uint32_t> max_tokens;  // Absent: until the context is full.
  std::vector<std::string> stop;
  bool ignore_eos = false;
  // What was computed of the prompt before may be used, and this be kept for later: among requests
  // of the same scope only, since a hit can be told by its time. Changes no bit of the answer.
  bool cache_prompt = true;
  std::string cache_scope = {};
  std::optional<uint32_t> top_logprobs;  // 0..20; absent: no log-probabilities.
};

}  // namespace ingle
