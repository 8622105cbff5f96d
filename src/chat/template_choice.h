#pragma once
// Which templates a model publishes, and which of them a conversation gets. Plain texts in: the
// loaders of GGUF files and of Hugging Face directories both end here.

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
  std::string origin;  // Where it was found, for people.
};

// Of a GGUF file: tokenizer.chat_template, and tokenizer.chat_template.NAME for each variant. Takes
// the pairs of key and text whose key begins with tokenizer.chat_template.
std::vector<NamedTemplate> TemplatesOfMetadata(
    std::span<const std::pair<std::string, std::string>> texts);

// Of the value of chat_template in tokenizer_config.json (or in chat_template.json): a text, or a
// list of {"name", "template"}. null: none. Errors name the field.
Result<std::vector<NamedTemplate>> TemplatesOfConfig(const json::value& chat_template,
                                                     std::string_view file);

// The templates of a directory. The file chat_template.jinja and those in
// additional_chat_templates/ (by name, without .jinja), where there are any, replace what
// tokenizer_config.json says, as in transformers.
std::vector<NamedTemplate> TemplatesOfDirectory(std::vector<NamedTemplate> of_config,
                                                std::vector<NamedTemplate> of_files);

// The template for a conversation: by name when one is wanted; else, when there are tools,
// "tool_use"; else "default"; a single template whatever its name. Fails (kInvalidRequest) when
// none fits, naming those that there are.
Result<const NamedTemplate*> ChooseTemplate(std::span<const NamedTemplate> templates,
                                            bool with_tools, std::string_view wanted = {});

// One ChatTemplate of all variants: Render takes the one for tools when there are tools. source()
// and TurnEndings are those of the default. Fails where a variant that can be chosen does not
// compile, naming it.
Result<std::unique_ptr<ChatTemplate>> CompileTemplates(std::span<const NamedTemplate> templates,
                                                       std::string bos_token,
                                                       std::string eos_token);

}  // namespace ingle
