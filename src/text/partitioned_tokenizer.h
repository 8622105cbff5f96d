#pragma once
// What every vocabulary kind shares: added tokens are cut out of the text first, the rest goes to
// the kind's own way.

#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace ingle {

class PartitionedTokenizer : public Tokenizer {
 public:
  using Tokenizer::Encode;
  std::vector<TokenId> Encode(std::span<const TextSpan> spans, bool add_special) const override;
  std::string Decode(std::span<const TokenId> ids, bool show_control) const override;
  std::string TokenBytes(TokenId id, bool show_control) const override;

  size_t size() const override { return vocabulary_->size(); }
  TokenKind Kind(TokenId id) const override;
  std::optional<TokenId> Find(std::string_view spelling) const override;
  std::string_view Spelling(TokenId id) const override;

 protected:
  explicit PartitionedTokenizer(std::unique_ptr<const Vocabulary> vocabulary)
      : vocabulary_(std::move(vocabulary)), added_(*vocabulary_) {}

  // Text without added tokens. `opens`: it stands at the very beginning or right after an added
  // token.
  virtual void EncodeText(std::string_view text, bool opens, std::vector<TokenId>& ids) const = 0;
  // The bytes of a token of kind kNormal; `id` is valid.
  virtual std::string NormalBytes(TokenId id) const = 0;
  virtual bool DropsLeadingSpace() const { return false; }

  const Vocabulary& vocabulary() const { return *vocabulary_; }

 private:
  std::unique_ptr<const Vocabulary> vocabulary_;  // On the heap: added_ points into it.
  AddedTokens added_;
};

}  // namespace ingle
