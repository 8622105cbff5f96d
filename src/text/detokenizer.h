#pragma once
// Token by token back to text; never emits half a character.

#include <memory>
#include <string>

#include "text/tokenizer.h"

namespace ingle {

class Detokenizer {
 public:
  // at_start: the ids are a whole text and not the continuation of a prompt, so a leading space
  // that SentencePiece put there is dropped as in Tokenizer::Decode.
  explicit Detokenizer(const Tokenizer* tokenizer, bool show_control = false,
                       bool at_start = false);

  // Valid UTF-8 that is certain by now; may be empty while a character is incomplete. Bytes that
  // can no longer become a character are U+FFFD.
  std::string Push(TokenId id);
  // What is left; incomplete bytes become U+FFFD as the reference implementations do.
  std::string Finish();

 private:
  std::unique_ptr<TokenStream> stream_;
};

}  // namespace ingle
