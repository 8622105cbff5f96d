#pragma once
// The special tokens that a chat template gets, by name.

#include "chat/chat_template.h"
#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

// Of a directory: what its tokenizer files spell, as transformers hands it over (bos_token, ...,
// additional_special_tokens, and names of the model's own such as image_token). Of a GGUF file: the
// tokens whose ids it names.
TemplateTokens FindTemplateTokens(const Metadata& metadata, const Tokenizer& tokenizer);

}  // namespace ingle
