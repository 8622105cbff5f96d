#include "text/model_settings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "text/component_json.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

class ModelMaker {
 public:
  ModelMaker(const ModelJson& json, ModelVocabulary& vocabulary, bool bytes, SpecialTokens& special)
      : json_(json),
        vocabulary_(vocabulary),
        bytes_(bytes),
        special_(special),
        value_(json.settings),
        component_(value_, "model") {}

  Result<std::unique_ptr<WordModel>> Make(std::string& name) {
    const std::string type = Type();
    if (type == "BPE") return Bpe(name);
    if (type == "Unigram") return Unigram(name);
    if (type == "WordPiece") return WordPiece(name);
    if (type == "WordLevel") return WordLevel(name);
    return component_.Unknown("BPE, Unigram, WordPiece, WordLevel");
  }

 private:
  // Old files do not say; what they have does.
  std::string Type() const {
    if (!component_.type().empty()) return component_.type();
    if (!json_.scores.empty()) return "Unigram";
    if (component_.Find("max_input_chars_per_word") != nullptr) return "WordPiece";
    if (!json_.merges.empty()) return "BPE";
    return "WordLevel";
  }
  Result<std::string> OptionalString(std::string_view key) const {
    const json::value* value = component_.Find(key);
    if (value == nullptr || value->is_null()) return std::string();
    return component_.String(key);
  }
  // The id of unk_token; nullopt when it is null or not in the vocabulary.
  Result<std::optional<TokenId>> Unknown() {
    INGLE_TRY(const std::string spelling, OptionalString("unk_token"));
    if (spelling.empty()) return std::nullopt;
    const uint32_t id = vocabulary_.spellings.Find(spelling);
    if (id == StringTable::kAbsent || !vocabulary_.in_model[id]) return std::nullopt;
    if (!special_.unk) special_.unk = static_cast<TokenId>(id);
    return static_cast<TokenId>(id);
  }
  void MarkBytes() {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t id =
          vocabulary_.spellings.Find(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">");
      if (id == StringTable::kAbsent || vocabulary_.kinds[id] != TokenKind::kNormal) continue;
      vocabulary_.kinds[id] = TokenKind::kByte;
      vocabulary_.byte_tokens[byte] = static_cast<TokenId>(id);
    }
  }

  Result<std::unique_ptr<WordModel>> Bpe(std::string& name);
  using Found = std::array<uint32_t, 3>;  // Left, right and what they give.
  Status AddMerges(BpeOptions& options) const;
  Status CheckMerge(const Found& found, size_t rank) const;
  void AddMerge(const Found& found, size_t rank, BpeOptions& options) const;
  Result<std::unique_ptr<WordModel>> Unigram(std::string& name);
  Result<std::unique_ptr<WordModel>> WordPiece(std::string& name);
  Result<std::unique_ptr<WordModel>> WordLevel(std::string& name);

  const ModelJson& json_;
  ModelVocabulary& vocabulary_;
  bool bytes_;
  SpecialTokens& special_;
  json::value value_;
  Component component_;
};

// A mark behind another character.
bool CrossesSpace(std::string_view spelling) {
  while (spelling.starts_with(kSpaceMark)) spelling.remove_prefix(kSpaceMark.size());
  return spelling.find(kSpaceMark) != std::string_view::npos;
}

// Finds the ids of the merges' tokens, some merges at a time so that the lookups wait for memory
// together. Published merges give tokens in the order of their ids, which saves one lookup of
// three.
Status ModelMaker::AddMerges(BpeOptions& options) const {
  constexpr size_t kTogether = 16;
  options.merges.Reserve(json_.merges.size());
  options.crosses_spaces = false;
  const StringTable& spellings = vocabulary_.spellings;
  std::array<std::array<uint32_t, 2>, kTogether> hashes;
  std::array<Found, kTogether> found;
  std::string joined;
  uint32_t guess = 0;
  for (size_t first = 0; first < json_.merges.size(); first += kTogether) {
    const size_t count = std::min(kTogether, json_.merges.size() - first);
    for (size_t i = 0; i < count; ++i) {
      const auto& [left, right] = json_.merges[first + i];
      hashes[i] = {StringTable::Hash(left), StringTable::Hash(right)};
      for (const uint32_t hash : hashes[i]) spellings.Prefetch(hash);
    }
    for (size_t i = 0; i < count; ++i) {
      const auto& [left, right] = json_.merges[first + i];
      joined.assign(left);
      if (right.size() >= options.prefix.size()) joined.append(right.substr(options.prefix.size()));
      if (++guess >= spellings.size() || spellings[guess] != joined) guess = spellings.Find(joined);
      found[i] = {spellings.Find(left, hashes[i][0]), spellings.Find(right, hashes[i][1]), guess};
      if (guess == StringTable::kAbsent) guess = 0;
      INGLE_RETURN_IF_ERROR(CheckMerge(found[i], first + i));
      options.crosses_spaces = options.crosses_spaces || CrossesSpace(joined);
      options.merges.Prefetch(static_cast<TokenId>(found[i][0]), static_cast<TokenId>(found[i][1]));
    }
    for (size_t i = 0; i < count; ++i) AddMerge(found[i], first + i, options);
  }
  return {};
}

Status ModelMaker::CheckMerge(const Found& found, size_t rank) const {
  for (const uint32_t id : found) {
    if (id == StringTable::kAbsent || !vocabulary_.in_model[id])
      return component_.Wrong("merge " + std::to_string(rank), "made of tokens of the vocabulary");
  }
  return {};
}

// A merge can only join and give what text may become: control tokens stay out of reach.
void ModelMaker::AddMerge(const Found& found, size_t rank, BpeOptions& options) const {
  for (const uint32_t id : found) {
    if (!vocabulary_.Reachable(id)) return;
  }
  options.merges.Add(static_cast<TokenId>(found[0]), static_cast<TokenId>(found[1]),
                     {static_cast<uint32_t>(rank), static_cast<TokenId>(found[2])}, true);
}

Result<std::unique_ptr<WordModel>> ModelMaker::Bpe(std::string& name) {
  BpeOptions options;
  options.bytes = bytes_;
  INGLE_TRY(options.ignore_merges, component_.Bool("ignore_merges", false));
  INGLE_TRY(options.byte_fallback, component_.Bool("byte_fallback", false));
  INGLE_TRY(options.fuse_unk, component_.Bool("fuse_unk", false));
  INGLE_TRY(options.prefix, OptionalString("continuing_subword_prefix"));
  INGLE_TRY(options.suffix, OptionalString("end_of_word_suffix"));
  INGLE_TRY(options.unk, Unknown());
  if (options.byte_fallback) MarkBytes();
  INGLE_RETURN_IF_ERROR(AddMerges(options));
  const json::value* dropout = component_.Find("dropout");
  if (dropout != nullptr && dropout->is_number() && dropout->to_number<double>() != 0)
    special_.warnings.push_back(
        "tokenizer.json drops merges at random (dropout), which is for "
        "training; this is not done here");
  name = bytes_ ? "byte-level BPE" : "BPE";
  return MakeBpeModel(&vocabulary_, std::move(options));
}

Result<std::unique_ptr<WordModel>> ModelMaker::Unigram(std::string& name) {
  UnigramOptions options;
  if (json_.scores.empty() || json_.scores.size() != json_.vocabulary.size())
    return component_.Wrong("vocab", "a list of tokens with scores");
  options.scores = json_.scores;
  options.scores.resize(vocabulary_.size());
  INGLE_TRY(options.byte_fallback, component_.Bool("byte_fallback", false));
  const json::value* unk = component_.Find("unk_id");
  if (unk == nullptr || unk->is_null())
    return component_.Wrong("unk_id", "a token (texts have characters that no vocabulary has)");
  INGLE_TRY(const uint64_t id, component_.Unsigned("unk_id"));
  if (id >= json_.scores.size()) return component_.Wrong("unk_id", "a token of the vocabulary");
  options.unk = static_cast<TokenId>(id);
  if (!special_.unk) special_.unk = options.unk;
  if (options.byte_fallback) MarkBytes();
  name = "unigram";
  return MakeUnigramModel(&vocabulary_, std::move(options));
}

Result<std::unique_ptr<WordModel>> ModelMaker::WordPiece(std::string& name) {
  WordPieceOptions options;
  INGLE_TRY(options.continuing_prefix, component_.String("continuing_subword_prefix"));
  INGLE_TRY(const uint64_t most, component_.Unsigned("max_input_chars_per_word", 100));
  options.max_characters = static_cast<size_t>(std::min<uint64_t>(most, 1 << 20));
  INGLE_TRY(const std::optional<TokenId> unk, Unknown());
  if (!unk) return component_.Wrong("unk_token", "a token of the vocabulary");
  options.unk = *unk;
  name = "WordPiece";
  return MakeWordPieceModel(&vocabulary_, std::move(options));
}

Result<std::unique_ptr<WordModel>> ModelMaker::WordLevel(std::string& name) {
  INGLE_TRY(const std::optional<TokenId> unk, Unknown());
  if (!unk) return component_.Wrong("unk_token", "a token of the vocabulary");
  name = "whole words";
  return MakeWordLevelModel(&vocabulary_, *unk);
}

}  // namespace

Result<std::unique_ptr<WordModel>> MakeModel(const ModelJson& json, ModelVocabulary& vocabulary,
                                             bool bytes, std::string& name,
                                             SpecialTokens& special) {
  return ModelMaker(json, vocabulary, bytes, special).Make(name);
}

}  // namespace ingle
