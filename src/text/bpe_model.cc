#include <algorithm>
#include <utility>

#include "text/byte_level.h"
#include "text/unicode.h"
#include "text/word_model.h"

namespace ingle {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581
constexpr size_t kMaxWordBytes = size_t{1} << 30;        // Positions in a word are 32 bits wide.

class BpeModel : public WordModel {
 public:
  BpeModel(const ModelVocabulary* vocabulary, BpeOptions options)
      : vocabulary_(vocabulary),
        options_(std::move(options)),
        byte_tokens_(FindByteTokens(*vocabulary)) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), byte_spellings_[byte]);
      byte_ids_[byte] = vocabulary_->FindText(byte_spellings_[byte]);
    }
    const bool spelled_alone = options_.prefix.empty() && options_.suffix.empty();
    cuts_ = !options_.bytes && !options_.ignore_merges && spelled_alone &&
            !options_.crosses_spaces && vocabulary_->FindText(kSpaceMark) != kNoToken;
  }

  void Encode(std::string_view word, std::vector<TokenId>& ids) const override;
  size_t CutLength(std::string_view text) const override;

 private:
  void AddBytes(std::string_view word, Merger& merger) const;
  void AddCharacters(std::string_view word, Merger& merger) const;
  TokenId WholeWord(std::string_view word) const;

  const ModelVocabulary* vocabulary_;
  BpeOptions options_;
  std::array<TokenId, 256> byte_ids_;     // Of the bytes in GPT-2's spelling.
  std::array<TokenId, 256> byte_tokens_;  // <0x00> to <0xFF>.
  std::array<std::string, 256> byte_spellings_;
  bool cuts_ = false;
};

// No token reaches over the end of a word, so text without a pre-tokenizer is cut there.
size_t BpeModel::CutLength(std::string_view text) const {
  size_t end = text.size();
  if (cuts_) {
    size_t position = 0;
    while (text.substr(position).starts_with(kSpaceMark)) position += kSpaceMark.size();
    end = std::min(text.find(kSpaceMark, position), text.size());
  }
  return std::min(end, kMaxWordBytes);
}

TokenId BpeModel::WholeWord(std::string_view word) const {
  if (!options_.bytes) return vocabulary_->FindText(word);
  std::string spelled;
  for (char byte : word) spelled += byte_spellings_[static_cast<uint8_t>(byte)];
  return vocabulary_->FindText(spelled);
}

// A byte without a token is left out, as the original does.
void BpeModel::AddBytes(std::string_view word, Merger& merger) const {
  for (size_t i = 0; i < word.size(); ++i) {
    const TokenId id = byte_ids_[static_cast<uint8_t>(word[i])];
    if (id != kNoToken) merger.Add(id, i, 1);
  }
}

// The order of an unknown token and of byte tokens behind it is the original's: the unknown one
// waits for the next known character.
void BpeModel::AddCharacters(std::string_view word, Merger& merger) const {
  size_t unknown = 0;  // Bytes that wait for their token.
  const auto flush = [&](size_t position) {
    if (unknown > 0) merger.Add(*options_.unk, position - unknown, unknown);
    unknown = 0;
  };
  std::string spelled;
  for (size_t position = 0; position < word.size();) {
    const size_t length = DecodeAt(word, position).length;
    const bool last = position + length == word.size();
    std::string_view spelling = word.substr(position, length);
    if ((position > 0 && !options_.prefix.empty()) || (last && !options_.suffix.empty())) {
      spelled = position > 0 ? options_.prefix : std::string();
      spelled.append(spelling).append(last ? options_.suffix : std::string());
      spelling = spelled;
    }
    const TokenId id = vocabulary_->FindText(spelling);
    if (id != kNoToken) {
      flush(position);
      merger.Add(id, position, length);
    } else if (options_.byte_fallback &&
               std::all_of(spelling.begin(), spelling.end(), [&](char byte) {
                 return byte_tokens_[static_cast<uint8_t>(byte)] != kNoToken;
               })) {
      for (char byte : spelling) merger.Add(byte_tokens_[static_cast<uint8_t>(byte)], position, 1);
    } else if (options_.unk) {
      if (!options_.fuse_unk) flush(position);
      unknown += length;
    }
    position += length;
  }
  flush(word.size());
}

void BpeModel::Encode(std::string_view word, std::vector<TokenId>& ids) const {
  const bool whole = options_.ignore_merges ||
                     (options_.whole_line_breaks && word.find_first_not_of('\n') == word.npos);
  if (whole) {
    const TokenId id = WholeWord(word);
    if (id != kNoToken) return ids.push_back(id);
  }
  thread_local Merger merger;
  merger.symbols.clear();
  if (options_.bytes && options_.prefix.empty() && options_.suffix.empty() && !options_.unk) {
    AddBytes(word, merger);
  } else if (options_.bytes) {
    std::string spelled;
    for (char byte : word) spelled += byte_spellings_[static_cast<uint8_t>(byte)];
    AddCharacters(spelled, merger);
  } else {
    AddCharacters(word, merger);
  }
  merger.Run([this](const Symbol& left, const Symbol& right) {
    return options_.merges.Find(left.id, right.id);
  });
  for (const Symbol& symbol : merger.symbols) {
    if (symbol.length != 0) ids.push_back(symbol.id);
  }
}

}  // namespace

std::array<TokenId, 256> FindByteTokens(const ModelVocabulary& vocabulary) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::array<TokenId, 256> ids = vocabulary.byte_tokens;
  for (size_t byte = 0; byte < 256; ++byte) {
    if (ids[byte] != kNoToken) continue;
    ids[byte] = vocabulary.FindText(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">");
  }
  return ids;
}

std::unique_ptr<WordModel> MakeBpeModel(const ModelVocabulary* vocabulary, BpeOptions options) {
  return std::make_unique<BpeModel>(vocabulary, std::move(options));
}

}  // namespace ingle
