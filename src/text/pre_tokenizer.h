#pragma once
// Cuts text into the words that byte-level BPE merges within. The published patterns are regular
// expressions; here each is a scanner that reads every character a bounded number of times,
// whatever the input.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ingle {

using Words = std::vector<std::string_view>;

struct PreTokenizer {
  std::string name;
  // Appends the words of `text`, in order and without gaps, as views into it.
  void (*split)(std::string_view text, Words& words);
  bool whole_words_first;  // A word that is a vocabulary entry is that token, whatever the merges
                           // say.
  bool adds_bos;           // Where the model file does not say.
};

// By the value of tokenizer.ggml.pre. An unknown name is kUnsupported and lists the known ones.
Result<PreTokenizer> FindPreTokenizer(std::string_view name);

}  // namespace ingle
