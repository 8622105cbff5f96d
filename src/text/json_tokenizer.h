#pragma once
// A tokenizer made of parts as a tokenizer.json names them: added tokens, normalizer, split, model,
// decoder.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "text/added_vocabulary.h"
#include "text/decoder_chain.h"
#include "text/normalizer.h"
#include "text/post_processor.h"
#include "text/split_steps.h"
#include "text/tokenizer.h"
#include "text/word_model.h"

namespace ingle {

struct TokenizerParts {
  std::unique_ptr<ModelVocabulary> vocabulary;  // The model points to it.
  std::unique_ptr<WordModel> model;
  AddedVocabulary added;
  TextNormalizer normalizer;
  SplitSteps split;
  TokensAround around;
  DecoderChain decoder;
  // Added tokens whose normalized form decodes in the place of their spelling.
  std::map<TokenId, std::string> rewritten;
};

class JsonTokenizer : public Tokenizer {
 public:
  JsonTokenizer(TokenizerParts parts, SpecialTokens special);

  using Tokenizer::Encode;
  std::vector<TokenId> Encode(std::span<const TextSpan> spans, bool add_special) const override;
  std::string TokenBytes(TokenId id, bool show_control) const override;
  std::string Decode(std::span<const TokenId> ids, bool show_control) const override;
  std::unique_ptr<TokenStream> NewStream(bool show_control, bool at_start) const override;

  size_t size() const override { return parts_.vocabulary->size(); }
  TokenKind Kind(TokenId id) const override;
  std::optional<TokenId> Find(std::string_view spelling) const override;
  std::string_view Spelling(TokenId id) const override;

  // Whether a token gives text.
  bool Shows(TokenId id, bool show_control) const;
  // What the decoder sees of a token.
  std::string_view DecoderSpelling(TokenId id) const;

 private:
  class Encoding;
  TokenizerParts parts_;
};

}  // namespace ingle
