#pragma once
// POST /v1/chat/completions.

#include <memory>
#include <span>

#include "api/fields.h"
#include "api/generation_call.h"

namespace ingle {

std::span<const Field> ChatCompletionFields();
Result<GenerationCall> ParseChatCompletion(const json::object& body);
std::unique_ptr<Reply> MakeChatReply(GenerationCall call, ReplyFrame frame);

}  // namespace ingle
