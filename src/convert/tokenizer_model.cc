#include "convert/tokenizer_model.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "files/gguf_cursor.h"
#include "text/charsmap.h"
#include "text/json_cursor.h"

namespace ingle {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581
constexpr int kDepthMax = 16;

// Names of pre-tokenizers in the order in which they are tried: first those that models of an
// architecture are published with, then all.
struct Hint {
  std::string_view architecture, names;
};
constexpr Hint kHints[] = {
    {"gpt2", "gpt-2"},
    {"llama", "llama-bpe smollm gpt-2 deepseek-llm tekken"},
    {"smollm3", "llama-bpe smollm"},
    {"lfm2", "lfm2"},
    {"lfm2moe", "lfm2"},
    {"phi3", "gpt-4o dbrx gpt-2"},
};
constexpr std::string_view kAllNames =
    "llama-bpe qwen2 gpt-2 smollm dbrx smaug-bpe qwen35 tekken gpt-4o llama4 deepseek-llm "
    "deepseek-coder deepseek-v3 falcon starcoder refact command-r bloom viking chameleon kimi-k2 "
    "superbpe bailingmoe seed-coder minicpm5 youtu afmoe exaone-moe jais-2 tiny_aya laguna "
    "granite-embed-multi-97m ufakzeka spark2_5 default";

void AppendWords(std::string_view words, std::vector<std::string_view>& out) {
  while (!words.empty()) {
    const size_t end = std::min(words.find(' '), words.size());
    if (std::ranges::count(out, words.substr(0, end)) == 0) out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
}

// The bytes of the first Precompiled normalizer, alone or in sequences.
std::string CharsmapIn(const json::value& value, int depth) {
  const json::object* part = value.if_object();
  if (part == nullptr || depth > kDepthMax) return {};
  if (const json::value* map = part->if_contains("precompiled_charsmap"); map && map->is_string())
    return DecodeBase64(map->get_string()).value_or("");
  const json::value* steps = part->if_contains("normalizers");
  if (steps == nullptr || !steps->is_array()) return {};
  for (const json::value& step : steps->get_array())
    if (std::string found = CharsmapIn(step, depth + 1); !found.empty()) return found;
  return {};
}

// Whether a vocabulary holds both parts of a token that no merge makes: SentencePiece joins them.
bool IsTwoTokens(const Tokenizer& original, std::string_view spelling) {
  for (size_t at = 1; at < spelling.size(); ++at) {
    if ((static_cast<uint8_t>(spelling[at]) & 0xC0) == 0x80) continue;  // Inside a character.
    const auto left = original.Find(spelling.substr(0, at)),
               right = original.Find(spelling.substr(at));
    const auto normal = [&](TokenId id) { return original.Kind(id) == TokenKind::kNormal; };
    if (left && right && normal(*left) && normal(*right)) return true;
  }
  return false;
}

// Added tokens that take white space with them, or count as whole words only.
size_t CountFlagged(const json::value& added) {
  size_t count = 0;
  if (!added.is_array()) return 0;
  for (const json::value& token : added.get_array()) {
    const auto has = [&](std::string_view flag) {
      const json::value* value = token.is_object() ? token.get_object().if_contains(flag) : nullptr;
      return value != nullptr && value->is_bool() && value->get_bool();
    };
    count += has("lstrip") || has("rstrip") || has("single_word");
  }
  return count;
}

std::unexpected<Error> NoSuchModel(const std::string& what) {
  return Fail(ErrorCode::kUnsupported,
              "The tokenizer of the directory has no equivalent in GGUF: " + what +
                  ". Use the directory itself.",
              "tokenizer.json", "unsupported_tokenizer");
}

}  // namespace

Result<TokenizerModel> TokenizerModel::Read(std::string_view tokenizer_json) {
  TokenizerModel model;
  JsonCursor cursor(tokenizer_json);
  std::string_view key, raw;
  bool bytes = false;
  if (!cursor.BeginObject()) return cursor.Fault("tokenizer.json");
  while (cursor.NextMember(key)) {
    const std::string name(key);
    if (name == "model") {
      INGLE_TRY(model.json_, ReadModel(cursor, tokenizer_json));
      continue;
    }
    if (!cursor.Raw(raw)) return cursor.Fault("tokenizer.json");
    if (name != "normalizer" && name != "pre_tokenizer" && name != "added_tokens") continue;
    INGLE_TRY(const json::value part, ParseJson(raw, "tokenizer.json"));
    if (name == "added_tokens") {
      model.flagged_ = CountFlagged(part);
    } else if (name == "normalizer") {
      model.charsmap_ = CharsmapIn(part, 0);
    } else {
      INGLE_TRY(model.split_, SplitSteps::FromJson(part));
      bytes = model.split_.ends_in_bytes();
    }
  }
  const json::value* type = model.json_.settings.if_contains("type");
  std::string named = type != nullptr && type->is_string() ? std::string(type->get_string()) : "";
  // Old files do not say.
  if (named.empty()) named = model.json_.scores.empty() ? "BPE" : "Unigram";
  INGLE_RETURN_IF_ERROR(model.Classify(named, bytes));
  return model;
}

bool TokenizerModel::Setting(std::string_view name) const {
  const json::value* value = json_.settings.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

// Whether the words of every text are the same: tokens alone might agree by chance.
bool TokenizerModel::SplitsLike(const PreTokenizer& other) const {
  return std::ranges::all_of(ComparedTexts(), [&](std::string_view text) {
    TextPieces pieces{{text, true}};
    TextStore store;
    if (text.empty()) return true;
    split_.Split(pieces, 0, store);
    Words words;
    other.Split(text, words);
    return std::ranges::equal(pieces, words, {}, &TextPiece::text);
  });
}

Status TokenizerModel::Classify(std::string_view type, bool bytes) {
  if (type == "Unigram") {
    kind_ = Kind::kUnigram;
    return {};
  }
  if (type == "WordPiece") {
    const json::value* prefix = json_.settings.if_contains("continuing_subword_prefix");
    if (prefix != nullptr && prefix->is_string() && prefix->get_string() != "##")
      return NoSuchModel("WordPiece with another prefix than ##");
    kind_ = Kind::kWordPiece;
    return {};
  }
  if (type != "BPE") return NoSuchModel("its model is " + std::string(type.substr(0, 40)));
  for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const json::value* value = json_.settings.if_contains(affix);
    if (value != nullptr && value->is_string() && !value->get_string().empty())
      return NoSuchModel("BPE with " + std::string(affix));
  }
  kind_ = bytes ? Kind::kByteBpe : Kind::kSpaceBpe;
  return {};
}

// WordPiece marks the beginnings of words where tokenizer.json marks what follows them.
std::string TokenizerModel::SpellingInGguf(std::string spelling, bool normal) const {
  if (kind_ != Kind::kWordPiece || !normal) return spelling;
  if (spelling.starts_with("##")) return spelling.substr(2);
  return std::string(kSpaceMark) + spelling;
}

// SentencePiece joins the pair whose whole has the best score, BPE the one whose merge comes first:
// the same where a token's score is the place of its first merge.
std::vector<float> TokenizerModel::ScoresOfMerges(const Tokenizer& original, uint32_t vocabulary,
                                                  size_t* without_merge) const {
  std::unordered_map<std::string, float> ranks;
  for (size_t rank = 0; rank < json_.merges.size(); ++rank) {
    const auto& [left, right] = json_.merges[rank];
    ranks.try_emplace(std::string(left).append(right), -static_cast<float>(rank));
  }
  std::vector<float> scores(vocabulary, 0.0f);
  for (uint32_t id = 0; id < std::min<size_t>(vocabulary, original.size()); ++id) {
    const auto token = static_cast<TokenId>(id);
    if (original.Kind(token) != TokenKind::kNormal) continue;
    const std::string_view spelling = original.Spelling(token);
    if (const auto rank = ranks.find(std::string(spelling)); rank != ranks.end())
      scores[id] = rank->second;
    else
      *without_merge += IsTwoTokens(original, spelling);
  }
  return scores;
}

Status TokenizerModel::AddKeys(const Tokenizer& original, uint32_t vocabulary, GgufKeys& keys,
                               std::vector<std::string>& warnings) const {
  constexpr std::string_view kNames[] = {"gpt2", "llama", "t5", "bert"};
  if (flagged_ > 0)
    warnings.push_back(std::to_string(flagged_) +
                       " added tokens take white space beside them, or count as whole words only; "
                       "GGUF cannot say so");
  keys.String("tokenizer.ggml.model", kNames[static_cast<size_t>(kind_)]);
  if (kind_ == Kind::kByteBpe) {
    std::vector<std::string> merges;
    for (const auto& [left, right] : json_.merges) {
      if (left.find(' ') != std::string_view::npos || right.find(' ') != std::string_view::npos)
        return NoSuchModel("a merge of its BPE contains a space");
      merges.push_back(std::string(left).append(" ").append(right));
    }
    keys.Strings("tokenizer.ggml.merges", merges);
  }
  if (kind_ == Kind::kSpaceBpe) {
    size_t without_merge = 0;
    keys.F32s("tokenizer.ggml.scores", ScoresOfMerges(original, vocabulary, &without_merge));
    if (without_merge > 0)
      warnings.push_back(std::to_string(without_merge) +
                         " tokens of the vocabulary come from no merge, but could be joined of "
                         "two others; in GGUF some text may become such a token");
  }
  if (kind_ == Kind::kUnigram) {
    std::vector<float> scores(vocabulary, 0.0f);
    for (size_t id = 0; id < std::min<size_t>(vocabulary, json_.scores.size()); ++id)
      scores[id] = static_cast<float>(json_.scores[id]);
    keys.F32s("tokenizer.ggml.scores", scores);
    if (!charsmap_.empty()) keys.I8s("tokenizer.ggml.precompiled_charsmap", charsmap_);
  }
  return {};
}

std::vector<TokenizerForm> TokenizerModel::Forms(std::string_view architecture) const {
  const std::string ggml = "tokenizer.ggml.";
  std::vector<TokenizerForm> forms;
  if (kind_ != Kind::kByteBpe) {
    const auto flag = [&](const char* name, bool value) {
      return std::pair<std::string, MetadataValue>(ggml + name, value);
    };
    for (const bool first : {true, false}) {
      if (kind_ == Kind::kSpaceBpe)
        forms.push_back({flag("add_space_prefix", first), {ggml + "pre", std::string("default")}});
      for (const bool second : {true, false}) {
        if (kind_ == Kind::kUnigram)
          forms.push_back(
              {flag("add_space_prefix", first), flag("remove_extra_whitespaces", !second)});
        if (kind_ == Kind::kWordPiece)
          forms.push_back(
              {flag("normalizer.lowercase", first), flag("normalizer.strip_accents", second)});
      }
    }
    return forms;
  }
  std::vector<std::string_view> names;
  for (const Hint& hint : kHints)
    if (hint.architecture == architecture) AppendWords(hint.names, names);
  AppendWords(kAllNames, names);
  for (const std::string_view name : names) {
    const auto known = FindPreTokenizer(name);
    if (!known || known->whole_words_first != Setting("ignore_merges") || !SplitsLike(*known))
      continue;
    forms.push_back({{ggml + "pre", std::string(name)}});
  }
  return forms;
}

}  // namespace ingle
