#pragma once
// The tokenizer of a Hugging Face directory, from the metadata that files/hf_directory.h makes of
// its small files.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "files/metadata.h"
#include "text/tokenizer_json.h"

namespace ingle {

// The names that transformers has for special tokens, and under which templates get them.
inline constexpr std::string_view kSpecialTokenNames[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

// As tokenizer_config.json and special_tokens_map.json spell it: nullopt where they do not. The
// second one, where there is one, wins over a tokenizer_config.json without added_tokens_decoder,
// as in transformers.
std::optional<std::string> SpecialTokenSpelling(const Metadata& directory, std::string_view name);
// additional_special_tokens, from the same places.
std::vector<std::string> AdditionalSpecialTokens(const Metadata& directory);

// What LoadTokenizerJson needs to know. Ids of config.json and generation_config.json stand in for
// spellings that are missing; ids past the model's vocabulary, such as -1, are none.
TokenizerFacts FactsOfDirectory(const Metadata& directory);

Result<std::unique_ptr<Tokenizer>> LoadDirectoryTokenizer(const Metadata& directory);

}  // namespace ingle
