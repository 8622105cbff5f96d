#pragma once
// From a request to the tokens that the model sees.

#include <string>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "chat/normalise_messages.h"
#include "chat/template_selftest.h"
#include "request/event.h"
#include "request/generate_request.h"
#include "text/tokenizer.h"

namespace ingle {

struct PromptMaker {
  const Tokenizer* tokenizer = nullptr;
  const ChatTemplate* chat_template = nullptr;  // May be null.
  std::string template_error;                   // Why there is none though the file has one.
  size_t vocabulary = 0;  // Tokens that the model takes, the first ones; 0: all of the tokenizer's.

  // The prompt as text, user text marked as such, and what had to be done to the messages for
  // that. Fails for a TokenPrompt.
  Result<RenderedConversation> Render(const GenerateRequest& request, int64_t now_unix_s) const;
  // Exactly one begin token where the model wants one, whether or not the template writes it.
  std::vector<TokenId> Tokenize(const std::vector<TextSpan>& spans) const;
  // At least one token, every one in the vocabulary. warnings: may be null.
  Result<std::vector<TokenId>> Make(const GenerateRequest& request, int64_t now_unix_s,
                                    std::vector<std::string>* warnings) const;
};

// Whether a prompt of so many tokens leaves room for at least one more.
Status FitsContext(uint64_t prompt_tokens, uint32_t context, bool is_chat);

// What the request hands to the template and the template leaves out: tools, system messages, tool
// results (found by its self-test), and variables such as enable_thinking that it never mentions.
// They change nothing, and the caller has to know.
std::vector<Warning> UnusedByTemplate(const ChatPrompt& chat, const ChatTemplate& chat_template,
                                      const TemplateReport& report);

}  // namespace ingle
