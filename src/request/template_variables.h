#pragma once
// The variables of a chat template that the server or the command sets itself.

#include <algorithm>
#include <array>
#include <string_view>

namespace ingle {

// Names that chat_template_kwargs may not set: they carry the conversation itself, or decide what
// the tokenizer does with the prompt; and what Python's render() cannot take by name.
inline constexpr std::array<std::string_view, 20> kReservedTemplateVariables = {
    "messages",
    "tools",
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
    "additional_special_tokens",
    "chat_template",
    "add_generation_prompt",
    "conversation",
    "tokenize",
    "continue_final_message",
    "return_dict",
    "return_tensors",
    "raise_exception",
    "strftime_now",
    "self"};

inline bool IsReservedTemplateVariable(std::string_view name) {
  return std::ranges::find(kReservedTemplateVariables, name) != kReservedTemplateVariables.end();
}

// Of these, `ingle render --set` may set all but the ones that transformers cannot take twice or
// by name: the conversation has a flag of its own.
inline bool IsConversationVariable(std::string_view name) {
  return name == "messages" || name == "conversation" || name == "self";
}

}  // namespace ingle
