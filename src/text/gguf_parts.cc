#include "text/gguf_parts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/json_tokenizer.h"
#include "text/vocabulary.h"

namespace ingle {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Everything but the model.
struct Loaded {
  TokenizerParts parts;
  SpecialTokens special;
};

// `defaults` name the ids that llama.cpp takes where the file has none.
struct DefaultIds {
  std::optional<TokenId> bos, eos, unk, pad;
};

Result<Loaded> LoadParts(const Metadata& metadata, const DefaultIds& defaults,
                         bool bos_by_default) {
  Loaded loaded;
  SpecialTokens& special = loaded.special;
  INGLE_TRY(Vocabulary vocabulary, LoadVocabulary(metadata, special.warnings));
  loaded.parts.vocabulary = std::make_unique<ModelVocabulary>();
  ModelVocabulary& tokens = *loaded.parts.vocabulary;
  static_cast<Vocabulary&>(tokens) = std::move(vocabulary);
  INGLE_RETURN_IF_ERROR(LoadSpecialIds(metadata, tokens, special));
  const auto fill = [&](std::optional<TokenId>& id, std::optional<TokenId> otherwise) {
    if (!id && otherwise && tokens.Has(*otherwise)) id = otherwise;
  };
  fill(special.bos, defaults.bos);
  fill(special.eos, defaults.eos);
  fill(special.unk, defaults.unk);
  fill(special.pad, defaults.pad);
  if (special.eos) AddEndId(*special.eos, special);
  INGLE_RETURN_IF_ERROR(LoadAddedEnds(metadata, bos_by_default, special));
  std::vector<AddedToken> added;
  tokens.in_model.resize(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const TokenKind kind = tokens.kinds[id];
    tokens.in_model[id] = tokens.IsText(static_cast<TokenId>(id));
    const bool control = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    if (!control && kind != TokenKind::kUserDefined) continue;
    if (tokens.spellings.Find(tokens.spellings[id]) != id) continue;  // A repetition.
    AddedToken token;
    token.content = tokens.spellings[id];
    token.id = static_cast<TokenId>(id);
    token.control = control;
    added.push_back(std::move(token));
  }
  loaded.parts.added = AddedVocabulary(std::move(added));
  return loaded;
}

std::unique_ptr<Tokenizer> Finish(Loaded loaded, std::string_view name) {
  TokensAround& around = loaded.parts.around;
  SpecialTokens& special = loaded.special;
  if (special.add_bos && special.bos) around.before.push_back(*special.bos);
  if (special.add_eos && special.eos) around.after.push_back(*special.eos);
  special.description =
      std::string(name) + ", " + std::to_string(loaded.parts.vocabulary->size()) + " tokens";
  return std::make_unique<JsonTokenizer>(std::move(loaded.parts), std::move(loaded.special));
}

std::unexpected<Error> NoUnknown() {
  return BadVocabulary("there is no unknown token", "tokenizer.ggml.unknown_token_id");
}

// tokenizer.ggml.precompiled_charsmap is a list of bytes, signed or not.
Result<std::optional<Charsmap>> LoadCharsmap(const Metadata& metadata) {
  constexpr char kKey[] = "tokenizer.ggml.precompiled_charsmap";
  if (!metadata.Has(kKey)) return std::nullopt;
  INGLE_TRY(const std::vector<int64_t> values, metadata.Integers(kKey));
  std::string bytes;
  bytes.reserve(values.size());
  for (int64_t value : values) {
    if (value < -128 || value > 255) return BadVocabulary("it is not made of bytes", kKey);
    bytes += static_cast<char>(static_cast<uint8_t>(value & 0xFF));
  }
  if (bytes.empty()) return std::nullopt;
  INGLE_TRY(Charsmap map, Charsmap::Parse(bytes));
  return map;
}

Result<MergeTable> LoadCharacterMerges(const Metadata& metadata,
                                       const ModelVocabulary& vocabulary) {
  constexpr char kKey[] = "tokenizer.ggml.merges";
  INGLE_TRY(const std::vector<std::string>* lines, metadata.Strings(kKey));
  if (lines == nullptr) return BadVocabulary("BPE needs its merges, which are not there", kKey);
  if (lines->size() > kMaxTokens) return BadVocabulary("there are more than 2^24 merges", kKey);
  MergeTable merges;
  merges.Reserve(lines->size());
  for (size_t rank = 0; rank < lines->size(); ++rank) {
    const std::string_view line = (*lines)[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos)
      return BadVocabulary(
          "merge " + std::to_string(rank) + " is not two tokens with a space between", kKey);
    const std::string_view left = line.substr(0, space), right = line.substr(space + 1);
    const TokenId left_id = vocabulary.FindText(left), right_id = vocabulary.FindText(right);
    const TokenId id = vocabulary.FindText(std::string(left).append(right));
    if (left_id == kNoToken || right_id == kNoToken || id == kNoToken) continue;
    merges.Add(left_id, right_id, {static_cast<uint32_t>(rank), id});
  }
  return merges;
}

}  // namespace

// The original is BERT's tokenizer: a GGUF file marks the beginnings of words with U+2581 where
// that has "##" for the other parts.
Result<std::unique_ptr<Tokenizer>> LoadWordPieceTokenizer(const Metadata& metadata) {
  INGLE_TRY(Loaded loaded, LoadParts(metadata, {101, std::nullopt, 100, 0}, true));
  INGLE_TRY(const std::optional<bool> lowercase,
            metadata.Bool("tokenizer.ggml.normalizer.lowercase"));
  INGLE_TRY(const std::optional<bool> strips,
            metadata.Bool("tokenizer.ggml.normalizer.strip_accents"));
  INGLE_TRY(const std::optional<bool> add_sep, metadata.Bool("tokenizer.ggml.add_sep_token"));
  INGLE_TRY(const std::vector<int64_t> sep, metadata.Integers("tokenizer.ggml.seperator_token_id"));
  if (!loaded.special.unk) return NoUnknown();
  WordPieceOptions options;
  options.unk = *loaded.special.unk;
  options.first_prefix = kSpaceMark;
  options.continuing_prefix.clear();
  TokenizerParts& parts = loaded.parts;
  parts.normalizer =
      TextNormalizer::Bert(lowercase.value_or(true), strips.value_or(lowercase.value_or(true)));
  parts.split = SplitSteps::Bert();
  parts.decoder = DecoderChain::Marked(true, false);
  parts.model = MakeWordPieceModel(parts.vocabulary.get(), std::move(options));
  if (add_sep.value_or(true) && !sep.empty())
    parts.around.after.push_back(static_cast<TokenId>(sep[0]));
  return Finish(std::move(loaded), "WordPiece");
}

Result<std::unique_ptr<Tokenizer>> LoadUnigramTokenizer(const Metadata& metadata) {
  Metadata with_end = metadata;  // T5's texts end with eos where the file does not say.
  with_end.values.try_emplace("tokenizer.ggml.add_eos_token", true);
  with_end.values.try_emplace("tokenizer.ggml.eos_token_id", uint64_t{1});
  INGLE_TRY(Loaded loaded, LoadParts(with_end, {std::nullopt, 1, 2, 0}, false));
  INGLE_TRY(std::optional<Charsmap> charsmap, LoadCharsmap(metadata));
  INGLE_TRY(const auto prefix, metadata.Bool("tokenizer.ggml.add_space_prefix"));
  INGLE_TRY(const auto merges, metadata.Bool("tokenizer.ggml.remove_extra_whitespaces"));
  const ModelVocabulary& vocabulary = *loaded.parts.vocabulary;
  if (!loaded.special.unk) return NoUnknown();
  if (vocabulary.scores.empty())
    return BadVocabulary("a unigram model needs the scores of its tokens, which are not there",
                         "tokenizer.ggml.scores");
  UnigramOptions options;
  options.unk = *loaded.special.unk;
  float worst = std::numeric_limits<float>::max();
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const bool user = vocabulary.kinds[id] == TokenKind::kUserDefined;
    options.scores.push_back(user ? 0.0 : double{vocabulary.scores[id]});
    if (vocabulary.kinds[id] == TokenKind::kNormal) worst = std::min(worst, vocabulary.scores[id]);
  }
  options.unknown_score = double{worst - 10.0f};
  TokenizerParts& parts = loaded.parts;
  parts.normalizer = TextNormalizer::SentencePiece(std::move(charsmap), prefix.value_or(true),
                                                   merges.value_or(false));
  parts.decoder = DecoderChain::Marked(prefix.value_or(true), true);
  parts.model = MakeUnigramModel(parts.vocabulary.get(), std::move(options));
  return Finish(std::move(loaded), "SentencePiece unigram");
}

bool SplitsCharacters(std::string_view pre) {
  return pre == "gemma4" || pre == "granite-embed-multi-311m" || pre == "sarvam-moe" ||
         pre == "whitespace";
}

Result<std::unique_ptr<Tokenizer>> LoadCharacterBpeTokenizer(const Metadata& metadata) {
  INGLE_TRY(const std::string* pre, metadata.String("tokenizer.ggml.pre"));
  const bool words = pre != nullptr && *pre == "whitespace";
  const bool sarvam = pre != nullptr && *pre == "sarvam-moe";
  INGLE_TRY(Loaded loaded, LoadParts(metadata, {}, !words && !sarvam));
  TokenizerParts& parts = loaded.parts;
  BpeOptions options;
  options.byte_fallback = true;
  options.whole_line_breaks = !words && !sarvam;
  options.unk = loaded.special.unk;
  INGLE_TRY(options.merges, LoadCharacterMerges(metadata, *parts.vocabulary));
  if (!words) parts.normalizer = TextNormalizer::MarkSpaces();
  parts.split = words ? SplitSteps::Words() : SplitSteps::Lines();
  parts.decoder = DecoderChain::Marked(false, true);
  parts.model = MakeBpeModel(parts.vocabulary.get(), std::move(options));
  return Finish(std::move(loaded), "BPE over characters");
}

}  // namespace ingle
