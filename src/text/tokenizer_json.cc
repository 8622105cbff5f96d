#include "text/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "text/component_json.h"
#include "text/json_tokenizer.h"
#include "text/model_json.h"
#include "text/model_settings.h"
#include "text/unicode.h"

namespace ingle {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;  // The largest published has 35 MiB.
constexpr size_t kMaxAddedTokens = size_t{1} << 17;

std::unexpected<Error> Bad(std::string what) {
  return Fail(ErrorCode::kCorruptFile,
              "tokenizer.json cannot be used: " + std::move(what) + "; download it again",
              "tokenizer.json", "invalid_model_file");
}

// The parts of the file: the model read, the others as they stand.
struct FileParts {
  ModelJson model;
  bool has_model = false;
  json::value added_tokens, normalizer, pre_tokenizer, post_processor, decoder;
  bool truncates = false;
};

Status ReadPart(JsonCursor& cursor, std::string_view name, FileParts& parts) {
  std::string_view raw;
  if (!cursor.Raw(raw)) return cursor.Fault("tokenizer.json");
  const std::pair<std::string_view, json::value*> kept[] = {
      {"added_tokens", &parts.added_tokens},
      {"normalizer", &parts.normalizer},
      {"pre_tokenizer", &parts.pre_tokenizer},
      {"post_processor", &parts.post_processor},
      {"decoder", &parts.decoder},
  };
  for (const auto& [key, value] : kept) {
    if (key != name) continue;
    INGLE_TRY(*value, ParseJson(raw, "tokenizer.json"));
  }
  if (name == "truncation") parts.truncates = raw != "null";
  if (name == "version" && raw != "\"1.0\"")
    return Fail(ErrorCode::kUnsupported,
                "tokenizer.json is of version " + std::string(raw.substr(0, 32)) +
                    "; only \"1.0\" is known",
                "tokenizer.json", "unsupported_tokenizer");
  return {};
}

// Runs of ASCII are skipped eight bytes at a time: a published file is mostly that.
bool IsValidText(std::string_view text) {
  uint64_t bytes = 0;
  while (text.size() >= sizeof bytes) {
    std::memcpy(&bytes, text.data(), sizeof bytes);
    if ((bytes & 0x8080808080808080u) == 0) {
      text.remove_prefix(sizeof bytes);
      continue;
    }
    size_t position = 0;  // Past these eight, character by character.
    while (position < sizeof bytes) {
      const CodePoint c = DecodeAt(text, position);
      if (c.value >= kInvalidByte) return false;
      position += c.length;
    }
    text.remove_prefix(position);
  }
  return IsValidUtf8(text);
}

Result<FileParts> ReadFile(std::string_view file) {
  if (file.size() > kMaxFileBytes) return Bad("it is larger than 256 MiB");
  if (!IsValidText(file)) return Bad("it is not valid UTF-8");
  JsonCursor cursor(file);
  FileParts parts;
  std::string_view key;
  if (!cursor.BeginObject()) return cursor.Fault("tokenizer.json");
  while (cursor.NextMember(key)) {
    if (key == "model") {
      INGLE_TRY(parts.model, ReadModel(cursor, file));
      parts.has_model = true;
    } else {
      INGLE_RETURN_IF_ERROR(ReadPart(cursor, std::string(key), parts));
    }
  }
  if (cursor.failed() || !cursor.AtEnd()) return cursor.Fault("tokenizer.json");
  if (!parts.has_model) return Bad("it has no model");
  return parts;
}

Result<std::vector<AddedToken>> ReadAddedTokens(const json::value& value) {
  std::vector<AddedToken> tokens;
  if (value.is_null()) return tokens;
  if (!value.is_array()) return Bad("added_tokens is not a list");
  if (value.get_array().size() > kMaxAddedTokens)
    return Bad("there are more than 2^17 added tokens");
  for (const json::value& item : value.get_array()) {
    const Component component(item, "added_tokens");
    AddedToken token;
    INGLE_TRY(token.content, component.String("content"));
    INGLE_TRY(token.single_word, component.Bool("single_word", false));
    INGLE_TRY(token.lstrip, component.Bool("lstrip", false));
    INGLE_TRY(token.rstrip, component.Bool("rstrip", false));
    INGLE_TRY(token.control, component.Bool("special", false));
    INGLE_TRY(token.normalized, component.Bool("normalized", !token.control));
    INGLE_TRY(const uint64_t id, component.Unsigned("id"));
    if (id >= kMaxJsonTokens || token.content.size() > kMaxSpellingBytes)
      return component.Wrong("id", "below 2^21 and content at most 4096 bytes long");
    token.id = static_cast<TokenId>(id);
    if (!token.content.empty()) tokens.push_back(std::move(token));
  }
  return tokens;
}

// Spellings by id, from the model's list and then the added tokens.
class VocabularyBuilder {
 public:
  explicit VocabularyBuilder(const ModelJson& model) : model_(model) {}

  Result<std::unique_ptr<ModelVocabulary>> Build(std::vector<AddedToken>& added,
                                                 std::vector<std::string>& warnings) {
    INGLE_RETURN_IF_ERROR(PlaceModel());
    auto vocabulary = std::make_unique<ModelVocabulary>();
    INGLE_RETURN_IF_ERROR(PlaceAdded(added, warnings));
    size_t bytes = 0;
    for (std::string_view spelling : spellings_) bytes += spelling.size();
    vocabulary->spellings.Reserve(spellings_.size(), bytes);
    for (uint32_t id = 0; id < spellings_.size(); ++id) {
      vocabulary->spellings.Add(spellings_[id]);
      if (spellings_[id].data() != nullptr && vocabulary->spellings.Index(id) != id)
        return Bad("token " + std::to_string(id) + " is there twice");
    }
    vocabulary->in_model = std::move(in_model_);
    vocabulary->in_model.resize(spellings_.size());
    vocabulary->kinds.assign(spellings_.size(), TokenKind::kUnused);
    for (size_t id = 0; id < spellings_.size(); ++id) {
      if (vocabulary->in_model[id]) vocabulary->kinds[id] = TokenKind::kNormal;
    }
    for (const AddedToken& token : added) {
      vocabulary->kinds[static_cast<size_t>(token.id)] =
          token.control ? TokenKind::kControl : TokenKind::kUserDefined;
    }
    vocabulary->byte_tokens.fill(-1);
    return vocabulary;
  }

 private:
  Status PlaceModel() {
    uint32_t last = 0;
    for (const auto& entry : model_.vocabulary) last = std::max(last, entry.id + 1);
    spellings_.resize(last);
    in_model_.resize(last);
    for (const auto& entry : model_.vocabulary) {
      if (in_model_[entry.id]) return Bad("two tokens have the id " + std::to_string(entry.id));
      in_model_[entry.id] = true;
      spellings_[entry.id] = entry.spelling;
    }
    return {};
  }

  // A token of the model keeps its id; a new one takes the next, as in the original.
  Status PlaceAdded(std::vector<AddedToken>& added, std::vector<std::string>& warnings) {
    std::vector<std::pair<std::string_view, uint32_t>> known;
    for (const AddedToken& token : added) known.emplace_back(token.content, kMissing);
    std::sort(known.begin(), known.end());
    const auto find = [&](std::string_view text) {
      const auto at = std::partition_point(known.begin(), known.end(),
                                           [&](const auto& k) { return k.first < text; });
      return at != known.end() && at->first == text ? at : known.end();
    };
    std::array<bool, 256> begins{};
    for (const AddedToken& token : added) begins[static_cast<uint8_t>(token.content[0])] = true;
    for (const auto& entry : model_.vocabulary) {
      if (entry.spelling.empty() || !begins[static_cast<uint8_t>(entry.spelling[0])]) continue;
      if (const auto at = find(entry.spelling); at != known.end()) at->second = entry.id;
    }
    const auto count = static_cast<uint32_t>(model_.vocabulary.size());
    uint32_t next = count;
    size_t moved = 0;
    for (AddedToken& token : added) {
      const auto at = find(token.content);
      if (at->second == kMissing) {
        at->second = next++;
        if (spellings_.size() <= at->second) spellings_.resize(at->second + 1);
        if (spellings_[at->second].data() != nullptr)
          return Bad("an added token would take the id " + std::to_string(at->second) +
                     ", which the model uses");
        spellings_[at->second] = token.content;
      }
      moved += static_cast<uint32_t>(token.id) != at->second;
      token.id = static_cast<TokenId>(at->second);
      next = std::max(next, at->second + 1 > count ? at->second + 1 : count);
    }
    if (moved > 0)
      warnings.push_back(
          std::to_string(moved) +
          " added tokens have other ids than tokenizer.json says, as in the original");
    return {};
  }

  static constexpr uint32_t kMissing = std::numeric_limits<uint32_t>::max();
  const ModelJson& model_;
  std::vector<std::string_view> spellings_;
  std::vector<bool> in_model_;
};

void NormalizeContents(const TextNormalizer& normalizer, std::vector<AddedToken>& tokens) {
  for (AddedToken& token : tokens) {
    if (!token.normalized) continue;
    std::string storage;
    TextNormalizer::Section section;
    token.normalized_content = normalizer.Normalize(token.content, storage, section);
  }
}

// Special tokens of the model, from what the other files say.
Status SetSpecialTokens(const TokenizerFacts& facts, ModelVocabulary& vocabulary,
                        SpecialTokens& special) {
  const auto find = [&](const std::optional<std::string>& spelling, std::optional<TokenId> id,
                        std::string_view name, std::optional<TokenId>& found) -> Status {
    if (spelling) {
      const uint32_t at = vocabulary.spellings.Find(*spelling);
      if (at != StringTable::kAbsent) {
        found = static_cast<TokenId>(at);
        return {};
      }
      special.warnings.push_back("the " + std::string(name) +
                                 " token of tokenizer_config.json is not in the vocabulary; it "
                                 "was left out");
    }
    if (id && !vocabulary.Has(*id))
      return Bad("the id of the " + std::string(name) + " token is " + std::to_string(*id) +
                 ", but token ids go from 0 to " + std::to_string(vocabulary.size() - 1));
    found = id;
    return {};
  };
  INGLE_RETURN_IF_ERROR(find(facts.bos_token, facts.bos_token_id, "bos", special.bos));
  INGLE_RETURN_IF_ERROR(find(facts.eos_token, facts.eos_token_id, "eos", special.eos));
  INGLE_RETURN_IF_ERROR(find(facts.pad_token, std::nullopt, "pad", special.pad));
  INGLE_RETURN_IF_ERROR(find(facts.unk_token, std::nullopt, "unk", special.unk));
  if (special.eos) AddEndId(*special.eos, special);
  // What begins and ends a text is never text.
  for (const std::optional<TokenId>& id : {special.bos, special.eos}) {
    if (id) vocabulary.kinds[static_cast<size_t>(*id)] = TokenKind::kControl;
  }
  FindEndMarkers(vocabulary, special);
  return {};
}

// add_bos_token and add_eos_token replace the post-processor, as transformers does.
void SetEnds(const TokenizerFacts& facts, TokensAround& around, SpecialTokens& special) {
  if (facts.add_bos_token || facts.add_eos_token) {
    around = {};
    if (facts.add_bos_token.value_or(false) && special.bos) around.before.push_back(*special.bos);
    if (facts.add_eos_token.value_or(false) && special.eos) around.after.push_back(*special.eos);
  }
  if (!special.bos && around.before.size() == 1) special.bos = around.before[0];
  if (!special.eos && around.after.size() == 1) special.eos = around.after[0];
  special.add_bos = special.bos && around.before == std::vector{*special.bos};
  special.add_eos = special.eos && around.after == std::vector{*special.eos};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizerJson(std::string_view tokenizer_json,
                                                     const TokenizerFacts& facts) {
  INGLE_TRY(FileParts file, ReadFile(tokenizer_json));
  SpecialTokens special;
  TokenizerParts parts;
  INGLE_TRY(parts.normalizer, TextNormalizer::FromJson(file.normalizer));
  INGLE_TRY(parts.split, SplitSteps::FromJson(file.pre_tokenizer));
  INGLE_TRY(parts.decoder, DecoderChain::FromJson(file.decoder));
  INGLE_TRY(std::vector<AddedToken> added, ReadAddedTokens(file.added_tokens));
  INGLE_TRY(parts.vocabulary, VocabularyBuilder(file.model).Build(added, special.warnings));
  if (parts.vocabulary->size() == 0) return Bad("the vocabulary is empty");
  INGLE_TRY(parts.around, ReadPostProcessor(file.post_processor, parts.vocabulary->size()));
  INGLE_RETURN_IF_ERROR(SetSpecialTokens(facts, *parts.vocabulary, special));
  SetEnds(facts, parts.around, special);
  for (AddedToken& token : added) {
    const TokenKind kind = parts.vocabulary->kinds[static_cast<size_t>(token.id)];
    token.control = kind == TokenKind::kControl;
  }
  NormalizeContents(parts.normalizer, added);
  for (const AddedToken& token : added) {
    if (token.normalized && token.normalized_content != token.content)
      parts.rewritten.emplace(token.id, token.normalized_content);
  }
  parts.added = AddedVocabulary(std::move(added));
  std::string name;
  INGLE_TRY(parts.model,
            MakeModel(file.model, *parts.vocabulary, parts.split.ends_in_bytes(), name, special));
  if (file.truncates)
    special.warnings.push_back("tokenizer.json truncates texts; this is not done here");
  special.description =
      name + ", " + std::to_string(parts.vocabulary->size()) + " tokens, from tokenizer.json";
  return std::make_unique<JsonTokenizer>(std::move(parts), std::move(special));
}

}  // namespace ingle
