#pragma once
// SentencePiece BPE with scores and byte fallback (Llama 2, Mistral, Gemma).

#include <memory>

#include "base/result.h"
#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

Result<std::unique_ptr<Tokenizer>> LoadSpmTokenizer(const Metadata& metadata);

}  // namespace ingle
