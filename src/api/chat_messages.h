#pragma once
// The shape of messages and tools. What a template makes of them is the worker's business.

#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "request/event.h"

namespace ingle {

// Errors and warnings name messages[i].field.
Result<json::array> ReadMessages(const json::value* messages, std::vector<Warning>* warnings);
// Absent and [] give none.
Result<json::array> ReadTools(const json::value* tools, std::vector<Warning>* warnings);
// chat_template_kwargs may not replace what the renderer itself passes.
Status CheckTemplateVariables(const json::object& variables);

}  // namespace ingle
