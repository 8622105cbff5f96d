#pragma once
// The tokens of a model file, checked: spellings, kinds, scores and special ids.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "text/string_table.h"
#include "text/tokenizer.h"

namespace ingle {

inline constexpr size_t kMaxTokens = size_t{1} << 24;
inline constexpr size_t kMaxSpellingBytes =
    4096;  // Real ones end near 256; the time of encoding grows with it.

struct Vocabulary {
  StringTable spellings;  // All are findable; of equal ones the first.
  std::vector<TokenKind> kinds;
  std::vector<float> scores;  // Empty where the file has none.
  std::array<TokenId, 256>
      byte_tokens;  // Of kind kByte, spelled <0x00> to <0xFF>; -1 where there is none.

  size_t size() const { return kinds.size(); }
  bool Has(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < kinds.size(); }
  // Whether plain text may become this token. Control tokens have to be asked for.
  bool IsText(TokenId id) const {
    const TokenKind kind = kinds[static_cast<size_t>(id)];
    return kind == TokenKind::kNormal || kind == TokenKind::kUserDefined ||
           kind == TokenKind::kUnused;
  }
  // The value of a byte token; nullopt for other tokens.
  std::optional<uint8_t> ByteOf(TokenId id) const;
};

// Reads tokenizer.ggml.tokens, token_type and scores; says in `warnings` what it took differently
// from how it is written.
Result<Vocabulary> LoadVocabulary(const Metadata& metadata, std::vector<std::string>& warnings);

// Sets bos ... pad and end_ids from the tokenizer.ggml.*_token_id keys and the spellings of end
// markers, and may turn such a token into a control token. An id outside the vocabulary is
// kCorruptFile.
Status LoadSpecialIds(const Metadata& metadata, Vocabulary& vocabulary, SpecialTokens& special);

// add_bos and add_eos; `bos_by_default` holds where the file does not say.
Status LoadAddedEnds(const Metadata& metadata, bool bos_by_default, SpecialTokens& special);

// Adds the tokens that end a turn or a text in published models to end_ids, and makes control
// tokens of them.
void FindEndMarkers(Vocabulary& vocabulary, SpecialTokens& special);

// Keeps end_ids ascending and without repetition.
void AddEndId(TokenId id, SpecialTokens& special);

std::unexpected<Error> BadVocabulary(std::string message, std::string key);

}  // namespace ingle
