#pragma once
// The tokenizer.json that Hugging Face publishes beside a model, as the `tokenizers` library reads
// it.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/tokenizer.h"

namespace ingle {

// What the other files of a model's directory say about special tokens: FactsOfDirectory
// (directory_tokenizer.h).
struct TokenizerFacts {
  // tokenizer_config.json: spellings. Absent where the file has null or nothing.
  std::optional<std::string> bos_token, eos_token, unk_token, pad_token;
  std::optional<bool> add_bos_token, add_eos_token;
  std::string tokenizer_class;  // "LlamaTokenizerFast"; some of them replace the post-processor.
  // config.json or generation_config.json: ids, for where the spellings are absent.
  std::optional<TokenId> bos_token_id, eos_token_id;
};

// The tokenizer that the file describes: same ids as the original for every text, except that text
// which is not trusted (TextSpan::trusted) never becomes a control token. A component that is not
// known is kUnsupported and named; a file that contradicts itself is kCorruptFile.
Result<std::unique_ptr<Tokenizer>> LoadTokenizerJson(std::string_view tokenizer_json,
                                                     const TokenizerFacts& facts);

}  // namespace ingle
