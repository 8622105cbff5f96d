#pragma once
// From a request to the tokens that the model sees.

#include <string>
#include <vector>

#include "base/result.h"
#include "chat/chat_template.h"
#include "request/generate_request.h"
#include "text/tokenizer.h"

namespace ingle {

struct PromptMaker {
  const Tokenizer* tokenizer = nullptr;
  const ChatTemplate* chat_template = nullptr;  // May be null.
  std::string template_error;                   // Why there is none though the file has one.

  // The prompt as text, user text marked as such. Fails for a TokenPrompt.
  Result<std::vector<TextSpan>> Render(const GenerateRequest& request, int64_t now_unix_s) const;
  // Exactly one begin token where the model wants one, whether or not the template writes it.
  std::vector<TokenId> Tokenize(const std::vector<TextSpan>& spans) const;
  // At least one token, every one in the vocabulary.
  Result<std::vector<TokenId>> Make(const GenerateRequest& request, int64_t now_unix_s) const;
};

}  // namespace ingle
