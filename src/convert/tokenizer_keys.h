#pragma once
// tokenizer.json and the small files beside it as tokenizer.ggml.* keys. What is written is loaded
// again and compared with the original on texts of many kinds; a difference is an error, never a
// file that would tokenise differently without a word.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/gguf_writer.h"
#include "files/metadata.h"
#include "text/tokenizer.h"

namespace ingle {

// vocabulary: rows of the embedding; tokens that are missing are filled up. architecture: as GGUF
// names it; says which pre-tokenizer is looked for first. warnings: what GGUF cannot say.
Status AddTokenizerKeys(const Metadata& directory, uint32_t vocabulary,
                        std::string_view architecture, GgufKeys& keys,
                        std::vector<std::string>& warnings);

// compare_tokenizers.cc: which of its texts; kComposed: those that Unicode normalisation leaves as
// they are; kWords: of them those whose white space is single blanks.
enum class Compared { kAll, kComposed, kWords };
std::span<const std::string_view> ComparedTexts();
// The first text that the two encode differently, for a message; empty: there is none.
std::string FirstDifference(const Tokenizer& a, const Tokenizer& b, Compared what);

// text_keys.cc: chat templates, and what the engine makes of generation_config.json. What GGUF has
// no key for keeps the name that it has in directories.
Status AddTemplateKeys(const Metadata& directory, GgufKeys& keys);
void AddDefaultKeys(const Metadata& directory, GgufKeys& keys, std::vector<std::string>& warnings);

// compare_text.cc: what an engine would make of both, beside the tokens of texts: defaults, end
// tokens, templates and the special tokens that they get. A line for people on each difference.
Result<std::vector<std::string>> TextDifferences(const Metadata& directory,
                                                 const Metadata& written);

}  // namespace ingle
