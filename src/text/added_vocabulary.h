#pragma once
// The added tokens of a tokenizer.json: cut out of text before anything else (those that are not
// normalized) or out of normalized text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/spelling_matcher.h"
#include "text/tokenizer.h"

namespace ingle {

struct AddedToken {
  std::string content;
  std::string normalized_content;  // What is looked for, when `normalized`.
  TokenId id = 0;
  bool single_word = false, lstrip = false, rstrip = false, normalized = false;
  bool control = false;  // Only trusted text may become it.
};

// Half-open ranges of bytes, ascending and apart.
using TrustedRanges = std::vector<std::pair<size_t, size_t>>;

class AddedVocabulary {
 public:
  AddedVocabulary() = default;
  explicit AddedVocabulary(std::vector<AddedToken> tokens);

  // A part of the text: a token with its white space, or (id -1) text between.
  struct Part {
    size_t begin, end;
    TokenId id;
  };
  // A control token counts where it lies in one trusted range. One that does not is text, and no
  // shorter token is found in it.
  void Cut(std::string_view text, bool normalized, const TrustedRanges& trusted,
           std::vector<Part>& parts) const;

  bool empty(bool normalized) const { return matchers_[normalized].empty(); }
  // Whether some control token is looked for in normalized text.
  bool normalizes_control() const { return normalizes_control_; }
  const std::vector<AddedToken>& tokens() const { return tokens_; }

 private:
  std::vector<AddedToken> tokens_;
  SpellingMatcher matchers_[2];  // [normalized]
  bool normalizes_control_ = false;
};

}  // namespace ingle
