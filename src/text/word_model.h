#pragma once
// The models of a tokenizer.json: one word (or, where nothing splits, one text) to token ids.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/merge.h"
#include "text/merge_table.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

namespace ingle {

// Tokens with what a model may make of text: control tokens never, whatever the model says.
struct ModelVocabulary : Vocabulary {
  std::vector<bool> in_model;  // By id; added tokens need not be.

  bool Reachable(size_t id) const { return in_model[id] && kinds[id] != TokenKind::kControl; }
  TokenId FindText(std::string_view spelling) const {
    const uint32_t id = spellings.Find(spelling);
    return id == StringTable::kAbsent || !Reachable(id) ? kNoToken : static_cast<TokenId>(id);
  }
};

class WordModel {
 public:
  virtual ~WordModel() = default;
  virtual void Encode(std::string_view word, std::vector<TokenId>& ids) const = 0;
  // Bytes at the front of `text` that can be encoded apart from the rest; all where it cannot be
  // cut. Not 0.
  virtual size_t CutLength(std::string_view text) const { return text.size(); }
};

struct BpeOptions {
  bool bytes = false;  // Words are bytes and the vocabulary spells them as GPT-2 does.
  bool ignore_merges = false, byte_fallback = false, fuse_unk = false;
  bool whole_line_breaks = false;  // Words of line breaks are looked up whole.
  std::optional<TokenId> unk;
  std::string prefix, suffix;  // continuing_subword_prefix, end_of_word_suffix
  MergeTable merges;
  bool crosses_spaces = true;  // Some merge gives a token with U+2581 behind another character.
};

struct UnigramOptions {
  std::vector<double> scores;  // By id.
  TokenId unk = kNoToken;
  bool byte_fallback = false;
  // Of a character without a token; 10 below the worst score where it is absent.
  std::optional<double> unknown_score;
};

struct WordPieceOptions {
  TokenId unk = kNoToken;
  std::string first_prefix;  // GGUF writes the beginning of a word with U+2581.
  std::string continuing_prefix = "##";
  size_t max_characters = 100;
};

std::unique_ptr<WordModel> MakeBpeModel(const ModelVocabulary* vocabulary, BpeOptions options);
std::unique_ptr<WordModel> MakeUnigramModel(const ModelVocabulary* vocabulary,
                                            UnigramOptions options);
std::unique_ptr<WordModel> MakeWordPieceModel(const ModelVocabulary* vocabulary,
                                              WordPieceOptions options);
std::unique_ptr<WordModel> MakeWordLevelModel(const ModelVocabulary* vocabulary, TokenId unk);

// <0x00> to <0xFF>; kNoToken where there is none.
std::array<TokenId, 256> FindByteTokens(const ModelVocabulary& vocabulary);

}  // namespace ingle
