#pragma once
// Log-probabilities in the two shapes that OpenAI's endpoints have.

#include <span>
#include <string>

#include "base/json.h"
#include "request/event.h"

namespace ingle {

// {"content": [{token, logprob, bytes, top_logprobs}], "refusal": null}
json::object ChatLogprobs(std::span<const SampledToken> tokens);
// {tokens, token_logprobs, top_logprobs, text_offset}; *offset is the first token's and moves on
// (in code points).
json::object CompletionLogprobs(std::span<const SampledToken> tokens, uint64_t* offset);
// Bytes that are not UTF-8 become U+FFFD.
std::string AsUtf8(std::string_view bytes);

}  // namespace ingle
