#include "text/vocabulary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "text/unicode.h"

namespace ingle {
namespace {

constexpr char kTokensKey[] = "tokenizer.ggml.tokens";
constexpr char kTypesKey[] = "tokenizer.ggml.token_type";
constexpr char kScoresKey[] = "tokenizer.ggml.scores";

// Spelling for a message: valid UTF-8, short.
std::string Quoted(std::string_view spelling) {
  std::string shown = "\"";
  AppendValid(spelling.substr(0, 64), false, shown);
  return shown + (spelling.size() > 64 ? "...\"" : "\"");
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "<0x0A>" -> 10.
std::optional<uint8_t> ParseByteSpelling(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>')
    return std::nullopt;
  const int high = HexDigit(spelling[3]);
  const int low = HexDigit(spelling[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

Status LoadSpellings(const std::vector<std::string>& tokens, Vocabulary& vocabulary,
                     std::vector<std::string>& warnings) {
  if (tokens.empty()) return BadVocabulary("the vocabulary is empty", kTokensKey);
  if (tokens.size() > kMaxTokens) {
    return BadVocabulary("the vocabulary has " + std::to_string(tokens.size()) +
                             " tokens; the limit is " + std::to_string(kMaxTokens),
                         kTokensKey);
  }
  uint64_t bytes = 0;
  for (const std::string& token : tokens) {
    if (token.size() > kMaxSpellingBytes) {
      return BadVocabulary("token " + Quoted(token) + " is " + std::to_string(token.size()) +
                               " bytes long; the limit is " + std::to_string(kMaxSpellingBytes),
                           kTokensKey);
    }
    bytes += token.size();
  }
  if (bytes >= std::numeric_limits<uint32_t>::max()) {
    return BadVocabulary("the vocabulary's spellings exceed 4 GiB", kTokensKey);
  }
  vocabulary.spellings.Reserve(tokens.size(), static_cast<size_t>(bytes));
  size_t repeated = 0, example = 0;
  for (size_t id = 0; id < tokens.size(); ++id) {
    vocabulary.spellings.Add(tokens[id]);
    if (tokens[id].empty()) continue;
    if (vocabulary.spellings.Index(static_cast<uint32_t>(id)) != id && repeated++ == 0)
      example = id;
  }
  if (repeated > 0) {
    warnings.push_back(std::to_string(repeated) +
                       " tokens are in the vocabulary more than once (such as " +
                       Quoted(tokens[example]) + "); text becomes the first of each");
  }
  return {};
}

Status LoadKinds(const std::vector<int64_t>& types, Vocabulary& vocabulary,
                 std::vector<std::string>& warnings) {
  const size_t count = vocabulary.spellings.size();
  vocabulary.kinds.assign(count, TokenKind::kNormal);
  if (types.empty()) {
    warnings.push_back(
        "the file has no token types (key tokenizer.ggml.token_type): special tokens cannot be "
        "told "
        "from text");
    return {};
  }
  if (types.size() < count) {
    return BadVocabulary("there are " + std::to_string(count) + " tokens but " +
                             std::to_string(types.size()) + " token types",
                         kTypesKey);
  }
  if (types.size() > count)
    warnings.push_back("there are more token types than tokens; the rest was ignored");
  size_t unknown = 0;
  for (size_t id = 0; id < count; ++id) {
    if (types[id] >= 1 && types[id] <= 6) {
      vocabulary.kinds[id] = static_cast<TokenKind>(types[id]);
    } else {
      ++unknown;
    }
  }
  if (unknown > 0) {
    warnings.push_back(std::to_string(unknown) +
                       " tokens have a type that is not 1 to 6; they were taken as normal");
  }
  return {};
}

// Byte tokens by kind; in a vocabulary without kinds by spelling.
Status LoadByteTokens(bool has_kinds, Vocabulary& vocabulary) {
  vocabulary.byte_tokens.fill(-1);
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view spelling = vocabulary.spellings[id];
    const std::optional<uint8_t> byte = ParseByteSpelling(spelling);
    if (vocabulary.kinds[id] != TokenKind::kByte) {
      if (has_kinds || !byte) continue;
      vocabulary.kinds[id] = TokenKind::kByte;
    }
    if (!byte) {
      return BadVocabulary("token " + std::to_string(id) + " is of type byte but is spelled " +
                               Quoted(spelling) + "; expected <0x00> to <0xFF>",
                           kTokensKey);
    }
    TokenId& slot = vocabulary.byte_tokens[*byte];
    if (slot < 0) slot = static_cast<TokenId>(id);
  }
  return {};
}

Status LoadScores(const std::vector<double>& scores, Vocabulary& vocabulary) {
  if (scores.empty()) return {};
  if (scores.size() < vocabulary.size()) {
    return BadVocabulary("there are " + std::to_string(vocabulary.size()) + " tokens but " +
                             std::to_string(scores.size()) + " scores",
                         kScoresKey);
  }
  vocabulary.scores.reserve(vocabulary.size());
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const auto score = static_cast<float>(scores[id]);
    if (std::isnan(score))
      return BadVocabulary("the score of token " + std::to_string(id) + " is not a number",
                           kScoresKey);
    vocabulary.scores.push_back(score);
  }
  return {};
}

// A token id written as any integer; nullopt when the key is absent.
Result<std::optional<TokenId>> ReadTokenId(const Metadata& metadata, const std::string& key,
                                           size_t vocabulary_size) {
  INGLE_TRY(const std::vector<int64_t> ids, metadata.Integers(key));
  if (ids.empty()) return std::nullopt;
  for (int64_t id : ids) {
    if (id < 0 || static_cast<uint64_t>(id) >= vocabulary_size) {
      return BadVocabulary(key + " is " + std::to_string(id) + ", but token ids go from 0 to " +
                               std::to_string(vocabulary_size - 1),
                           key);
    }
  }
  return static_cast<TokenId>(ids.front());
}

// Spellings that end a turn or a text in published models; they end it even where the file forgets
// to say so. Those that no text of another meaning contains are taken as control tokens whatever
// their type.
struct EndMarker {
  std::string_view spelling;
  bool ends_turn;
  bool always;
};
constexpr EndMarker kEndMarkers[] = {
    {"<|eot_id|>", true, true},
    {"<|im_end|>", true, true},
    {"<|end|>", true, true},
    {"<end_of_turn>", true, true},
    {"<|endoftext|>", true, true},
    {"<|end_of_text|>", true, true},
    {"<end_of_utterance>", true, true},
    {"<｜end▁of▁sentence｜>", true, true},
    {"<EOT>", true, false},
    {"[EOT]", true, false},
    {"<|eom_id|>", false, true},
    {"<|return|>", false, true},
    {"<|call|>", false, true},
    {"</s>", false, false},
    {"<eos>", false, false},
    {"[EOS]", false, false},
};

}  // namespace

void FindEndMarkers(Vocabulary& vocabulary, SpecialTokens& special) {
  const auto known = [&](std::string_view spelling) {
    return vocabulary.spellings.Find(spelling) != StringTable::kAbsent;
  };
  // OpenAI's harmony format closes a message, not a turn, with <|end|>.
  const bool harmony = known("<|return|>") && known("<|call|>");
  for (const EndMarker& marker : kEndMarkers) {
    if (!known(marker.spelling) || (harmony && marker.spelling == "<|end|>")) continue;
    const auto id = static_cast<TokenId>(vocabulary.spellings.Find(marker.spelling));
    TokenKind& kind = vocabulary.kinds[static_cast<size_t>(id)];
    if (kind == TokenKind::kNormal || kind == TokenKind::kUserDefined) {
      if (!marker.always) continue;
      kind = TokenKind::kControl;
      special.warnings.push_back(
          "token " + std::to_string(id) + " " + Quoted(marker.spelling) +
          " ends a generation but is not of type control; it was taken as control");
    }
    AddEndId(id, special);
    if (marker.ends_turn && !special.eot) special.eot = id;
  }
}

std::unexpected<Error> BadVocabulary(std::string message, std::string key) {
  return Fail(ErrorCode::kCorruptFile,
              "the model file's vocabulary cannot be used: " + std::move(message) + " (key " + key +
                  "); convert or download the model again",
              key, "invalid_model_file");
}

void AddEndId(TokenId id, SpecialTokens& special) {
  const auto place = std::lower_bound(special.end_ids.begin(), special.end_ids.end(), id);
  if (place == special.end_ids.end() || *place != id) special.end_ids.insert(place, id);
}

std::optional<uint8_t> Vocabulary::ByteOf(TokenId id) const {
  if (kinds[static_cast<size_t>(id)] != TokenKind::kByte) return std::nullopt;
  return ParseByteSpelling(spellings[static_cast<size_t>(id)]);
}

Result<Vocabulary> LoadVocabulary(const Metadata& metadata, std::vector<std::string>& warnings) {
  Vocabulary vocabulary;
  INGLE_TRY(const std::vector<std::string>* tokens, metadata.Strings(kTokensKey));
  if (tokens == nullptr) return BadVocabulary("it is not there", kTokensKey);
  INGLE_TRY(const std::vector<int64_t> types, metadata.Integers(kTypesKey));
  INGLE_TRY(const std::vector<double> scores, metadata.Numbers(kScoresKey));
  INGLE_RETURN_IF_ERROR(LoadSpellings(*tokens, vocabulary, warnings));
  INGLE_RETURN_IF_ERROR(LoadKinds(types, vocabulary, warnings));
  INGLE_RETURN_IF_ERROR(LoadByteTokens(!types.empty(), vocabulary));
  INGLE_RETURN_IF_ERROR(LoadScores(scores, vocabulary));
  return vocabulary;
}

Status LoadSpecialIds(const Metadata& metadata, Vocabulary& vocabulary, SpecialTokens& special) {
  std::optional<TokenId> checked_only;
  const std::pair<std::string_view, std::optional<TokenId>*> keys[] = {
      {"bos", &special.bos},        {"eos", &special.eos},      {"eot", &special.eot},
      {"eom", &special.eom},        {"unknown", &special.unk},  {"padding", &special.pad},
      {"seperator", &checked_only}, {"cls", &checked_only},     {"mask", &checked_only},
      {"fim_pre", &checked_only},   {"fim_suf", &checked_only}, {"fim_mid", &checked_only},
      {"fim_pad", &checked_only},   {"fim_rep", &checked_only}, {"fim_sep", &checked_only},
      {"prefix", &checked_only},    {"suffix", &checked_only},  {"middle", &checked_only},
  };
  for (const auto& [name, id] : keys) {
    const std::string key = "tokenizer.ggml." + std::string(name) + "_token_id";
    INGLE_TRY(*id, ReadTokenId(metadata, key, vocabulary.size()));
  }
  for (const std::optional<TokenId>& id : {special.eos, special.eot, special.eom}) {
    if (id) AddEndId(*id, special);
  }
  FindEndMarkers(vocabulary, special);
  return {};
}

Status LoadAddedEnds(const Metadata& metadata, bool bos_by_default, SpecialTokens& special) {
  constexpr char kAddBosKey[] = "tokenizer.ggml.add_bos_token";
  constexpr char kAddEosKey[] = "tokenizer.ggml.add_eos_token";
  INGLE_TRY(const std::optional<bool> add_bos, metadata.Bool(kAddBosKey));
  INGLE_TRY(const std::optional<bool> add_eos, metadata.Bool(kAddEosKey));
  if (add_bos.value_or(false) && !special.bos) {
    return BadVocabulary("add_bos_token is true, but tokenizer.ggml.bos_token_id is absent",
                         kAddBosKey);
  }
  if (add_eos.value_or(false) && !special.eos) {
    return BadVocabulary("add_eos_token is true, but tokenizer.ggml.eos_token_id is absent",
                         kAddEosKey);
  }
  special.add_bos = add_bos.value_or(bos_by_default && special.bos.has_value());
  special.add_eos = add_eos.value_or(false);
  return {};
}

}  // namespace ingle
