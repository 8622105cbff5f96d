#pragma once
// What a chat template can do, found at load by rendering fixed conversations: a template that
// drops the tools or refuses the second turn is known before a user meets it.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/chat_template.h"

namespace ingle {

enum class TemplateAnswer : uint8_t {
  kWorks,
  kIgnored,  // It renders, and a part of the conversation is not in the prompt.
  kRefused,  // It fails with an error of its own.
};

struct TemplateAbility {
  std::string name;  // "tools", "system", ...: the table in the .cc has all of them.
  TemplateAnswer answer = TemplateAnswer::kWorks;
  std::string detail;  // The template's own message; what is missing.
};

struct TemplateReport {
  std::vector<TemplateAbility> abilities;
  std::string thinking_variable;  // "enable_thinking", ... when it changes the prompt; else empty.
  std::string generation_prompt;  // What add_generation_prompt adds; empty: nothing.

  bool Works(std::string_view name) const;
  bool Ignores(std::string_view name) const;  // It renders without that part.
};

TemplateReport TestTemplate(const ChatTemplate& chat_template);

// {"tools": {"answer": "works"}, "system": {"answer": "refused", "detail": ...}, ...,
// "thinking_variable": ..., "generation_prompt": ...}
json::object DescribeReport(const TemplateReport& report);

// One line for people per thing that the template cannot do: "tools: not in the prompt". Without
// what few templates do at all.
std::vector<std::string> Shortcomings(const TemplateReport& report);

}  // namespace ingle
