#pragma once
// POST /v1/completions.

#include <memory>
#include <span>

#include "api/fields.h"
#include "api/generation_call.h"

namespace ingle {

std::span<const Field> CompletionFields();
Result<GenerationCall> ParseCompletion(const json::object& body);
std::unique_ptr<Reply> MakeCompletionReply(GenerationCall call, ReplyFrame frame);

}  // namespace ingle
