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
#include "text/tokenizer_json.h"

namespace ingle {

// What a directory's files (files/model_files.h) say about special tokens.
TokenizerFacts TokenizerFactsOf(const Metadata& directory);

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

// text_keys.cc: chat templates, and general.sampling.* from generation_config.json.
Status AddTemplateKeys(const Metadata& directory, GgufKeys& keys);
Status AddSamplingKeys(const Metadata& directory, GgufKeys& keys,
                       std::vector<std::string>& warnings);

}  // namespace ingle
