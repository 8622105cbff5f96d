#include "text/spm_tokenizer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "text/merge.h"
#include "text/partitioned_tokenizer.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr std::string_view kSpaceMark =
    "\xE2\x96\x81";                               // U+2581, how the vocabulary writes a space.
constexpr size_t kMaxRunBytes = size_t{1} << 30;  // Positions within a run are 32 bits wide.

// Higher scores first, as a priority in which lower comes first; never Merge::kNever.
uint32_t PriorityOfScore(float score) {
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);  // -0 and 0 are one score.
  const uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (size_t position = 0; position < text.size();) {
    const size_t found = std::min(text.find(from, position), text.size());
    out.append(text.substr(position, found - position));
    if (found == text.size()) break;
    out.append(to);
    position = found + from.size();
  }
  return out;
}

// Bytes up to where a space follows something else; never 0 for a text that is not empty.
size_t WordLength(std::string_view text) {
  size_t position = 0;
  while (text.substr(position).starts_with(kSpaceMark)) position += kSpaceMark.size();
  return std::min(text.find(kSpaceMark, position), text.size());
}

class SpmTokenizer : public PartitionedTokenizer {
 public:
  SpmTokenizer(std::unique_ptr<const Vocabulary> vocabulary, bool space_prefix)
      : PartitionedTokenizer(std::move(vocabulary)), space_prefix_(space_prefix) {
    for (size_t id = 0; id < size(); ++id) {
      const std::string_view piece = this->vocabulary().spellings[id];
      if (!this->vocabulary().IsText(static_cast<TokenId>(id))) continue;
      longest_ = std::max(longest_, piece.size());
      if (WordLength(piece) < piece.size()) cuts_words_ = false;
    }
  }

 protected:
  void EncodeText(std::string_view text, bool opens, std::vector<TokenId>& ids) const override;
  std::string NormalBytes(TokenId id) const override {
    return ReplaceAll(Spelling(id), kSpaceMark, " ");
  }
  bool DropsLeadingSpace() const override { return space_prefix_; }

 private:
  // The token that plain text of this spelling becomes.
  TokenId TextToken(std::string_view spelling) const {
    if (spelling.size() > longest_) return kNoToken;
    const uint32_t id = vocabulary().spellings.Find(spelling);
    return id != StringTable::kAbsent && vocabulary().IsText(static_cast<TokenId>(id))
               ? static_cast<TokenId>(id)
               : kNoToken;
  }
  void EncodeRun(std::string_view run, Merger& merger, std::vector<TokenId>& ids) const;
  void EncodeUnknown(std::string_view character, std::vector<TokenId>& ids) const;

  bool space_prefix_;
  size_t longest_ = 0;  // Bytes of the longest text token.
  // No token reaches over the end of a word, so words are merged one by one.
  bool cuts_words_ = true;
};

void SpmTokenizer::EncodeText(std::string_view text, bool opens, std::vector<TokenId>& ids) const {
  std::string marked;
  if (space_prefix_ && opens) marked = kSpaceMark;
  marked += ReplaceAll(text, " ", kSpaceMark);
  Merger merger;
  std::string_view rest = marked;
  while (!rest.empty()) {
    const size_t length = std::min(cuts_words_ ? WordLength(rest) : rest.size(), kMaxRunBytes);
    EncodeRun(rest.substr(0, length), merger, ids);
    rest.remove_prefix(length);
  }
}

void SpmTokenizer::EncodeRun(std::string_view run, Merger& merger,
                             std::vector<TokenId>& ids) const {
  merger.symbols.clear();
  for (size_t position = 0; position < run.size();) {
    const size_t length = DecodeAt(run, position).length;
    merger.Add(TextToken(run.substr(position, length)), position, length);
    position += length;
  }
  merger.Run([&](const Symbol& left, const Symbol& right) {
    const TokenId id = TextToken(run.substr(left.begin, left.length + right.length));
    if (id == kNoToken) return Merge{};
    return Merge{PriorityOfScore(vocabulary().scores[static_cast<size_t>(id)]), id};
  });
  for (const Symbol& symbol : merger.symbols) {
    if (symbol.length == 0) continue;
    if (symbol.id == kNoToken) {
      EncodeUnknown(run.substr(symbol.begin, symbol.length), ids);
    } else {
      ids.push_back(symbol.id);
    }
  }
}

void SpmTokenizer::EncodeUnknown(std::string_view character, std::vector<TokenId>& ids) const {
  for (char c : character) {
    const TokenId id = vocabulary().byte_tokens[static_cast<uint8_t>(c)];
    if (id >= 0) {
      ids.push_back(id);
    } else if (ids.empty() || ids.back() != *unk) {
      ids.push_back(*unk);  // As SentencePiece: a run of unknown text is one token.
    }
  }
}

// SentencePiece's own names: they give the id where the file names none, and they are never text,
// even in a file whose token types do not say so.
void FindByName(std::string_view spelling, TokenKind kind, Vocabulary& vocabulary,
                std::optional<TokenId>& id) {
  const uint32_t found = vocabulary.spellings.Find(spelling);
  if (found == StringTable::kAbsent) return;
  if (vocabulary.kinds[found] == TokenKind::kNormal) vocabulary.kinds[found] = kind;
  if (!id) id = static_cast<TokenId>(found);
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadSpmTokenizer(const Metadata& metadata) {
  SpecialTokens special;
  INGLE_TRY(Vocabulary loaded, LoadVocabulary(metadata, special.warnings));
  auto vocabulary = std::make_unique<Vocabulary>(std::move(loaded));
  if (vocabulary->scores.empty()) {
    return BadVocabulary("SentencePiece BPE needs the scores of its tokens, which are not there",
                         "tokenizer.ggml.scores");
  }
  INGLE_RETURN_IF_ERROR(LoadSpecialIds(metadata, *vocabulary, special));
  FindByName("<s>", TokenKind::kControl, *vocabulary, special.bos);
  FindByName("<unk>", TokenKind::kUnknown, *vocabulary, special.unk);
  FindByName("</s>", TokenKind::kControl, *vocabulary, special.eos);
  if (special.eos) AddEndId(*special.eos, special);
  INGLE_RETURN_IF_ERROR(LoadAddedEnds(metadata, true, special));
  for (TokenId id : vocabulary->byte_tokens) {
    if (id >= 0 || special.unk) continue;
    return BadVocabulary(
        "byte tokens (<0x00> to <0xFF>) are missing and there is no unknown token, so not every "
        "text "
        "can be encoded",
        "tokenizer.ggml.tokens");
  }
  INGLE_TRY(const std::optional<bool> space_prefix,
            metadata.Bool("tokenizer.ggml.add_space_prefix"));
  special.description = "SentencePiece BPE, " + std::to_string(vocabulary->size()) + " tokens";
  auto tokenizer =
      std::make_unique<SpmTokenizer>(std::move(vocabulary), space_prefix.value_or(true));
  static_cast<SpecialTokens&>(*tokenizer) = std::move(special);
  return tokenizer;
}

}  // namespace ingle
