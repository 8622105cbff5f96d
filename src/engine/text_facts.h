#pragma once
// What a model's files say about its text, as JSON: for `ingle show` and GET /v1/models alike.

#include <span>

#include "base/json.h"
#include "engine/end_tokens.h"
#include "engine/engine.h"
#include "engine/model_sampling.h"

namespace ingle {

// {"sampling": DescribeDefaults, "end_tokens": [{"id", "spelling", "source"}], "chat_templates":
// [names], "template_error": text or null, "template_abilities": DescribeReport or null,
// "warnings": [texts]}. Warnings are those of parts, and what the template cannot do.
json::object DescribeText(const EngineParts& parts, std::span<const EndToken> end_tokens,
                          const ModelDefaults& defaults, const SamplingRequest& server);

// The same of a model whose tokenizer cannot be used.
json::object DescribeText(const ModelDefaults& defaults);

}  // namespace ingle
