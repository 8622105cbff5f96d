#pragma once
// Which templates a model publishes, and which of them a conversation gets.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/chat_template.h"

namespace ingle {

inline constexpr std::string_view kDefaultTemplate = "default";
inline constexpr std::string_view kToolTemplate = "tool_use";  // Taken when there are tools.

struct NamedTemplate {
  std::string name;  // kDefaultTemplate, kToolTemplate, "rag", ...
  std::string source;
};

// Of tokenizer.chat_template, and tokenizer.chat_template.NAME for each variant: as GGUF files have
// them, and as files/hf_directory.h names those of a directory. Other keys are none of its
// business.
std::vector<NamedTemplate> TemplatesOfMetadata(
    std::span<const std::pair<std::string, std::string>> texts);

// The template for a conversation: by name when one is wanted; else, when there are tools,
// "tool_use"; else "default"; a single template whatever its name. Fails (kInvalidRequest) when
// none fits, naming those that there are.
Result<const NamedTemplate*> ChooseTemplate(std::span<const NamedTemplate> templates,
                                            bool with_tools, std::string_view wanted = {});

// One ChatTemplate of all variants: Render takes the one for tools when there are tools. source()
// and TurnEndings are those of the default. Fails where a variant that can be chosen does not
// compile, naming it.
Result<std::unique_ptr<ChatTemplate>> CompileTemplates(std::span<const NamedTemplate> templates,
                                                       const TemplateTokens& tokens);

}  // namespace ingle
