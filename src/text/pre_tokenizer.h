#pragma once
// Cuts text into the words that byte-level BPE merges within. The published patterns are regular
// expressions; the frequent ones have a scanner of their own, the others run in regex.h. Either way
// the time is linear.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/regex.h"

namespace ingle {

using Words = std::vector<std::string_view>;

struct PreTokenizer {
  std::string name;
  // Appends the words of `text`, in order and without gaps, as views into it.
  void Split(std::string_view text, Words& words) const;

  void (*scanner)(std::string_view text, Words& words) = nullptr;
  std::vector<Regex> patterns;  // Where there is no scanner: each splits what the one before left.
  bool whole_words_first = false;  // A word that is a vocabulary entry is that token, whatever the
                                   // merges say.
  bool adds_bos = false;           // Where the model file does not say.
};

// The scanner for a published pattern, as tokenizer.json writes it; null when there is none.
using SplitFunction = void (*)(std::string_view text, Words& words);
SplitFunction FindScanner(std::string_view pattern);
// For what is a chain of patterns: smollm, deepseek-llm, default.
SplitFunction FindNamedScanner(std::string_view name);
// GPT-2's pattern, which the component ByteLevel uses.
extern const SplitFunction kSplitGpt2;

// By the value of tokenizer.ggml.pre. An unknown name is kUnsupported and lists the known ones.
Result<PreTokenizer> FindPreTokenizer(std::string_view name);

}  // namespace ingle
