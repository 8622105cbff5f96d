#pragma once
// Token by token back to text; never emits half a character.

#include <string>

#include "text/tokenizer.h"

namespace ingle {

class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer* tokenizer, bool show_control = false);

  // Valid UTF-8 that is certain by now; may be empty while a character is incomplete.
  std::string Push(TokenId id);
  // What is left; incomplete bytes become U+FFFD as the reference implementations do.
  std::string Finish();

 private:
  const Tokenizer* tokenizer_;
  bool show_control_;
  bool first_ = true;
  std::string pending_;
};

}  // namespace ingle
