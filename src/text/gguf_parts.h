#pragma once
// Vocabularies of GGUF files that are made of the parts of json_tokenizer.h: WordPiece (BERT),
// SentencePiece unigram (T5) and BPE over characters (Gemma 4).

#include <memory>

#include "base/result.h"
#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

Result<std::unique_ptr<Tokenizer>> LoadWordPieceTokenizer(const Metadata& metadata);
Result<std::unique_ptr<Tokenizer>> LoadUnigramTokenizer(const Metadata& metadata);
Result<std::unique_ptr<Tokenizer>> LoadCharacterBpeTokenizer(const Metadata& metadata);

// Whether a value of tokenizer.ggml.pre stands for BPE over characters and not over bytes.
bool SplitsCharacters(std::string_view pre);

}  // namespace ingle
