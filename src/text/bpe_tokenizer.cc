#include "text/bpe_tokenizer.h"

#include <array>
#include <optional>
#include <utility>

#include "text/byte_level.h"
#include "text/gguf_parts.h"
#include "text/merge.h"
#include "text/merge_table.h"
#include "text/partitioned_tokenizer.h"
#include "text/pre_tokenizer.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr char kMergesKey[] = "tokenizer.ggml.merges";
constexpr char kPreKey[] = "tokenizer.ggml.pre";
constexpr size_t kMaxMerges = size_t{1} << 24;
// Positions within a word are 32 bits wide; a longer word is cut here.
constexpr size_t kMaxWordBytes = size_t{1} << 30;

struct BpeTables {
  PreTokenizer pre_tokenizer;
  StringTable
      bytes;  // What each normal token stands for; findable if it is written in byte characters.
  std::array<TokenId, 256> byte_ids;
  bool all_bytes = true;  // Whether every byte has a token.
  MergeTable merges;
};

class BpeTokenizer : public PartitionedTokenizer {
 public:
  BpeTokenizer(std::unique_ptr<const Vocabulary> vocabulary, BpeTables tables)
      : PartitionedTokenizer(std::move(vocabulary)), tables_(std::move(tables)) {}

 protected:
  void EncodeText(std::string_view text, bool opens, std::vector<TokenId>& ids) const override;
  std::string NormalBytes(TokenId id) const override {
    return std::string(tables_.bytes[static_cast<size_t>(id)]);
  }

 private:
  void EncodeWord(std::string_view word, Merger& merger, std::vector<TokenId>& ids) const;

  BpeTables tables_;
};

void BpeTokenizer::EncodeText(std::string_view text, bool, std::vector<TokenId>& ids) const {
  // Some vocabularies lack the bytes that UTF-8 never has: such a byte is written as U+FFFD.
  std::string replaced;
  if (!tables_.all_bytes && !unk) {
    AppendValid(text, false, replaced);
    text = replaced;
  }
  Words words;
  tables_.pre_tokenizer.Split(text, words);
  Merger merger;
  for (std::string_view word : words) {
    for (; word.size() > kMaxWordBytes; word.remove_prefix(kMaxWordBytes)) {
      EncodeWord(word.substr(0, kMaxWordBytes), merger, ids);
    }
    EncodeWord(word, merger, ids);
  }
}

void BpeTokenizer::EncodeWord(std::string_view word, Merger& merger,
                              std::vector<TokenId>& ids) const {
  if (tables_.pre_tokenizer.whole_words_first && word.size() <= kMaxSpellingBytes) {
    const uint32_t id = tables_.bytes.Find(word);
    if (id != StringTable::kAbsent) {
      ids.push_back(static_cast<TokenId>(id));
      return;
    }
  }
  merger.symbols.clear();
  for (size_t i = 0; i < word.size(); ++i) {
    const TokenId id = tables_.byte_ids[static_cast<uint8_t>(word[i])];
    merger.Add(id == kNoToken ? *unk : id, i, 1);
  }
  merger.Run([this](const Symbol& left, const Symbol& right) {
    return tables_.merges.Find(left.id, right.id);
  });
  for (const Symbol& symbol : merger.symbols) {
    if (symbol.length != 0) ids.push_back(symbol.id);
  }
}

Result<PreTokenizer> ChoosePreTokenizer(const Metadata& metadata,
                                        std::vector<std::string>& warnings) {
  INGLE_TRY(const std::string* name, metadata.String(kPreKey));
  if (name != nullptr) return FindPreTokenizer(*name);
  warnings.push_back(
      "the file does not name its pre-tokenizer (key tokenizer.ggml.pre); \"default\" was taken, "
      "which " +
      std::string("may split text differently from how the model was trained"));
  return FindPreTokenizer("default");
}

void LoadBytes(const Vocabulary& vocabulary, BpeTables& tables) {
  tables.bytes.Reserve(vocabulary.size(), 0);
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view spelling = vocabulary.spellings[id];
    const std::optional<std::string> bytes = BytesOfSpelling(spelling);
    tables.bytes.Add(bytes ? std::string_view(*bytes) : spelling);
    const TokenKind kind = vocabulary.kinds[id];
    if (bytes && !bytes->empty() && kind == TokenKind::kNormal)
      tables.bytes.Index(static_cast<uint32_t>(id));
  }
}

// Every byte that UTF-8 can have needs a token (or the model an unknown token).
Status LoadByteIds(bool has_unknown, BpeTables& tables) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(static_cast<uint8_t>(byte));
    const uint32_t id = tables.bytes.Find(std::string_view(&text, 1));
    tables.byte_ids[byte] = id == StringTable::kAbsent ? kNoToken : static_cast<TokenId>(id);
    if (tables.byte_ids[byte] != kNoToken) continue;
    tables.all_bytes = false;
    const bool in_utf8 = byte != 0xC0 && byte != 0xC1 && byte < 0xF5;
    if (!in_utf8 || has_unknown) continue;
    std::string spelling;
    AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), spelling);
    return BadVocabulary("byte " + std::to_string(byte) + " has no token (spelled \"" + spelling +
                             "\"), so not every text can be encoded, and there is no unknown token",
                         "tokenizer.ggml.tokens");
  }
  return {};
}

Status LoadMerges(const Metadata& metadata, const Vocabulary& vocabulary, BpeTables& tables,
                  std::vector<std::string>& warnings) {
  INGLE_TRY(const std::vector<std::string>* lines, metadata.Strings(kMergesKey));
  if (lines == nullptr)
    return BadVocabulary("byte-level BPE needs its merges, which are not there", kMergesKey);
  if (lines->size() > kMaxMerges)
    return BadVocabulary("there are more than 2^24 merges", kMergesKey);
  tables.merges.Reserve(lines->size());
  // A merge can only join and give what plain text may become: control tokens stay out of reach.
  const auto find = [&](std::string_view spelling) {
    const uint32_t id = vocabulary.spellings.Find(spelling);
    return id != StringTable::kAbsent && vocabulary.IsText(static_cast<TokenId>(id))
               ? static_cast<TokenId>(id)
               : kNoToken;
  };
  std::string joined;
  size_t unusable = 0;
  for (size_t rank = 0; rank < lines->size(); ++rank) {
    const std::string_view line = (*lines)[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == line.size()) {
      return BadVocabulary(
          "merge " + std::to_string(rank) + " is not two tokens with a space between", kMergesKey);
    }
    const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    joined.assign(left).append(right);
    const TokenId left_id = find(left), right_id = find(right), id = find(joined);
    if (left_id == kNoToken || right_id == kNoToken || id == kNoToken) {
      ++unusable;
      continue;
    }
    tables.merges.Add(left_id, right_id, {static_cast<uint32_t>(rank), id});
  }
  if (unusable > 0) {
    warnings.push_back(
        std::to_string(unusable) +
        " merges name or make something that is not a text token; they were ignored");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadBpeTokenizer(const Metadata& metadata) {
  INGLE_TRY(const std::string* pre, metadata.String(kPreKey));
  if (pre != nullptr && SplitsCharacters(*pre)) return LoadCharacterBpeTokenizer(metadata);
  SpecialTokens special;
  BpeTables tables;
  INGLE_TRY(tables.pre_tokenizer, ChoosePreTokenizer(metadata, special.warnings));
  INGLE_TRY(Vocabulary loaded, LoadVocabulary(metadata, special.warnings));
  auto vocabulary = std::make_unique<Vocabulary>(std::move(loaded));
  // Before the tables, because it may make control tokens of others.
  INGLE_RETURN_IF_ERROR(LoadSpecialIds(metadata, *vocabulary, special));
  INGLE_RETURN_IF_ERROR(LoadAddedEnds(metadata, tables.pre_tokenizer.adds_bos, special));
  LoadBytes(*vocabulary, tables);
  INGLE_RETURN_IF_ERROR(LoadByteIds(special.unk.has_value(), tables));
  INGLE_RETURN_IF_ERROR(LoadMerges(metadata, *vocabulary, tables, special.warnings));
  special.description = "byte-level BPE, " + std::to_string(vocabulary->size()) +
                        " tokens, pre-tokenizer " + tables.pre_tokenizer.name;
  auto tokenizer = std::make_unique<BpeTokenizer>(std::move(vocabulary), std::move(tables));
  static_cast<SpecialTokens&>(*tokenizer) = std::move(special);
  return tokenizer;
}

}  // namespace ingle
