#pragma once
// A model's own chat template: conversations to prompt text, with user text marked as such.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "text/tokenizer.h"

namespace ingle {

struct RenderOptions {
  bool add_generation_prompt = true;
  json::object variables;  // chat_template_kwargs; may not override messages, tools, bos_token, ...
  int64_t now_unix_s = 0;  // For strftime_now; injected.
  bool pass_empty_tools =
      false;  // An empty list of tools reaches the template as [] and not as none.
  bool free_variables =
      false;  // `variables` may set any name (for looking inside, never for requests).
};

class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;
  // messages and tools reach the template unchanged, key order kept. Text that came from them is an
  // untrusted span; text of the template itself is trusted. Fails (kInvalidRequest) with the
  // template's own message and line.
  virtual Result<std::vector<TextSpan>> Render(const json::array& messages,
                                               const json::array& tools,
                                               const RenderOptions& options) const = 0;
  virtual std::string_view source() const = 0;
  // Whether the template mentions this variable ("enable_thinking", "tools", ...).
  virtual bool Uses(std::string_view variable) const = 0;
};

// Spellings of special tokens under the names that templates know them by, only of those that the
// model has: {"bos_token": "<s>", "additional_special_tokens": ["<tool>"]}.
using TemplateTokens = json::object;

Result<std::unique_ptr<ChatTemplate>> CompileChatTemplate(std::string_view source,
                                                          TemplateTokens tokens);
// The same with two of them; an empty spelling is none.
Result<std::unique_ptr<ChatTemplate>> CompileChatTemplate(std::string_view source,
                                                          std::string bos_token,
                                                          std::string eos_token);

// What the template writes right after the content of an assistant's turn: the token, by its
// spelling, that ends the turn belongs into the end-of-generation set. Candidates in order, without
// duplicates: the text up to the closing bracket of a token ("<|im_end|>", "</s>", "[/INST]").
// Empty when the template closes turns with plain text.
std::vector<std::string> TurnEndings(const ChatTemplate& chat_template);

}  // namespace ingle
