#pragma once
// POST /v1/generate: prompt and sampling_params, for callers of the schema that came before
// OpenAI's.

#include <memory>
#include <span>

#include "api/fields.h"
#include "api/generation_call.h"

namespace ingle {

std::span<const Field> GenerateFields();        // Of the body.
std::span<const Field> SamplingParamsFields();  // Of sampling_params.
Result<GenerationCall> ParseGenerate(const json::object& body);
std::unique_ptr<Reply> MakeGenerateReply(GenerationCall call, ReplyFrame frame);

}  // namespace ingle
