#pragma once
// The model inside a tokenizer.json, as far as GGUF has one like it.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "convert/tokenizer_keys.h"
#include "files/gguf_writer.h"
#include "text/model_json.h"
#include "text/pre_tokenizer.h"
#include "text/split_steps.h"
#include "text/tokenizer.h"

namespace ingle {

// Keys that a tokenizer may be tried with; all forms of a model have the same ones.
using TokenizerForm = std::vector<std::pair<std::string, MetadataValue>>;

class TokenizerModel {
 public:
  // tokenizer_json: read before by LoadTokenizerJson, and must outlive this. kUnsupported for a
  // model that GGUF does not have.
  static Result<TokenizerModel> Read(std::string_view tokenizer_json);

  // Texts that must become the same tokens. White space around words is another matter in
  // the unigram models of GGUF.
  Compared compared() const {
    return kind_ == Kind::kUnigram ? Compared::kWords : Compared::kComposed;
  }
  // Text that has no tokens becomes an unknown one; byte-level BPE has tokens for all.
  bool has_unknown() const { return kind_ != Kind::kByteBpe; }
  std::string SpellingInGguf(std::string spelling, bool normal) const;
  // tokenizer.ggml.model, merges, scores.
  Status AddKeys(const Tokenizer& original, uint32_t vocabulary, GgufKeys& keys,
                 std::vector<std::string>& warnings) const;
  // In the order in which they are to be tried.
  std::vector<TokenizerForm> Forms(std::string_view architecture) const;

 private:
  enum class Kind { kByteBpe, kSpaceBpe, kUnigram, kWordPiece };

  Status Classify(std::string_view type, bool bytes);
  std::vector<float> ScoresOfMerges(const Tokenizer& original, uint32_t vocabulary,
                                    size_t* without_merge) const;
  bool Setting(std::string_view name) const;
  bool SplitsLike(const PreTokenizer& other) const;

  Kind kind_ = Kind::kByteBpe;
  ModelJson json_;
  SplitSteps split_;
  size_t flagged_ = 0;    // Added tokens with flags that GGUF does not have.
  std::string charsmap_;  // Of a Precompiled normalizer, its bytes.
};

}  // namespace ingle
