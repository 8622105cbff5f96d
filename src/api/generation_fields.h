#pragma once
// The fields that all generation endpoints share, and how they become a GenerateRequest.

#include <span>
#include <vector>

#include "api/fields.h"
#include "api/generation_call.h"
#include "request/request_limits.h"

namespace ingle {

inline constexpr int64_t kMaxChoices = 16;  // n.
inline constexpr size_t kMaxPrompts = 64;   // In one /completions request.
// Prompts times n. All of a call's choices are sent at once, and the worker's queue takes no more:
// a larger call would be refused however often it is tried again.
inline constexpr size_t kMaxChoicesPerCall = kQueuedRequestsMax;
inline constexpr size_t kMaxMessages = 4096;
inline constexpr int64_t kMaxTokensLimit = 2147483647;

// Sampling, limits, stops, seed, stream. `own` is added after them.
std::vector<Field> WithSharedFields(std::span<const Field> own);
// Also what both of OpenAI's endpoints have.
std::vector<Field> WithOpenAiFields(std::span<const Field> own);

// Fills everything but prompt and log-probabilities.
Status ReadShared(const FieldReader& fields, GenerateRequest* request,
                  std::vector<Warning>* warnings);
// model, stream, stream_options.
Status ReadCall(const FieldReader& fields, GenerationCall* call);

// Every answer's request has its own copy of the prompt.
inline constexpr size_t kMaxPromptBytesPerCall = 64 << 20;

// call->requests becomes n (a field) copies of each prototype; refused when that is more than
// kMaxChoicesPerCall, or the prompts would take too much memory. There is at least one prototype.
Status RepeatForChoices(std::vector<GenerateRequest> prototypes, const FieldReader& fields,
                        GenerationCall* call);

}  // namespace ingle
