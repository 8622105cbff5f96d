#pragma once
// The shape of messages and tools. What a template makes of them is the worker's business.

#include "base/json.h"
#include "base/result.h"

namespace ingle {

// Errors name messages[i].field.
Result<json::array> ReadMessages(const json::value* messages);
// Absent and [] give none.
Result<json::array> ReadTools(const json::value* tools);
// chat_template_kwargs may not replace what the renderer itself passes.
Status CheckTemplateVariables(const json::object& variables);

}  // namespace ingle
