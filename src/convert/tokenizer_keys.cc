#include "convert/tokenizer_keys.h"

#include <algorithm>
#include <utility>

#include "convert/tokenizer_model.h"
#include "files/model_files.h"
#include "files/printable.h"

namespace ingle {
namespace {

std::unexpected<Error> NoEquivalent(const std::string& what) {
  return Fail(ErrorCode::kUnsupported,
              "The tokenizer of the directory has no equivalent in GGUF: " + what +
                  ". Use the directory itself.",
              "tokenizer.json", "unsupported_tokenizer");
}

// A spelling, given as text or as the content of an added token.
std::optional<std::string> SpellingOf(const Metadata& directory, const std::string& name) {
  for (const std::string_view file : {kTokenizerConfigPrefix, kSpecialTokensPrefix}) {
    for (const char* suffix : {"", ".content"}) {
      const auto* value = directory.Find(std::string(file) + name + suffix);
      if (value == nullptr) continue;
      if (const auto* text = std::get_if<std::string>(value)) return *text;
    }
  }
  return std::nullopt;
}

// The ids under this name in generation_config.json, or else in config.json.
std::vector<TokenId> IdsOf(const Metadata& directory, const std::string& name) {
  for (const std::string& key : {std::string(kGenerationConfigPrefix) + name, name}) {
    const auto ids = directory.Integers(key);
    if (!ids || ids->empty()) continue;
    std::vector<TokenId> kept;
    for (const int64_t id : *ids)
      if (id >= 0 && id < INT32_MAX) kept.push_back(static_cast<TokenId>(id));
    return kept;
  }
  return {};
}

std::optional<TokenId> First(const std::vector<TokenId>& ids) {
  return ids.empty() ? std::nullopt : std::optional(ids[0]);
}

std::optional<bool> FlagOf(const Metadata& directory, const std::string& name) {
  const auto flag = directory.Bool(std::string(kTokenizerConfigPrefix) + name);
  return flag ? *flag : std::nullopt;
}

void AddId(std::string_view name, std::optional<TokenId> id, GgufKeys& keys) {
  if (id) keys.U32("tokenizer.ggml." + std::string(name), static_cast<uint32_t>(*id));
}

// Tokens, kinds and special ids: what all kinds of vocabulary have.
Status AddTokens(const Tokenizer& original, const TokenizerModel& model, uint32_t vocabulary,
                 GgufKeys& keys) {
  if (original.size() > vocabulary) {
    return Fail(ErrorCode::kUnsupported,
                "The tokenizer has " + std::to_string(original.size()) +
                    " tokens, but the model's embedding only " + std::to_string(vocabulary) +
                    "; a GGUF file needs an embedding for each.",
                "tokenizer.json", "unsupported_tokenizer");
  }
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  for (uint32_t id = 0; id < vocabulary; ++id) {
    const auto token = static_cast<TokenId>(id);
    std::string spelling(id < original.size() ? original.Spelling(token) : std::string_view());
    const bool hole = spelling.empty();
    kinds.push_back(static_cast<int32_t>(hole ? TokenKind::kUnused : original.Kind(token)));
    const bool ends = original.bos == token || original.eos == token;
    if (model.has_unknown() && original.unk == token && !ends)
      kinds.back() = static_cast<int32_t>(TokenKind::kUnknown);
    tokens.push_back(hole ? "[PAD" + std::to_string(id) + "]"
                          : model.SpellingInGguf(std::move(spelling), kinds.back() == 1));
  }
  keys.Strings("tokenizer.ggml.tokens", tokens);
  keys.I32s("tokenizer.ggml.token_type", kinds);
  AddId("bos_token_id", original.bos, keys);
  AddId("eos_token_id", original.eos, keys);
  AddId("unknown_token_id", original.unk, keys);
  AddId("padding_token_id", original.pad, keys);
  keys.Bool("tokenizer.ggml.add_bos_token", original.add_bos);
  keys.Bool("tokenizer.ggml.add_eos_token", original.add_eos);
  return {};
}

// Loads what was written, in every form that it may take, until one is the original.
Status ChooseForm(const Tokenizer& original, const TokenizerModel& model,
                  std::string_view architecture, GgufKeys& keys) {
  INGLE_TRY(const Metadata written, keys.Read());
  std::string difference, problem;
  for (const TokenizerForm& form : model.Forms(architecture)) {
    Metadata tried = written;
    for (const auto& [key, value] : form) tried.values[key] = value;
    const auto loaded = LoadTokenizer(tried);
    if (!loaded) {
      problem = loaded.error().message;
      continue;
    }
    std::string found = FirstDifference(original, **loaded, model.compared());
    if (!found.empty()) {
      difference = std::move(found);
      continue;
    }
    for (const auto& [key, value] : form) {
      if (const bool* flag = std::get_if<bool>(&value)) keys.Bool(key, *flag);
      if (const auto* text = std::get_if<std::string>(&value)) keys.String(key, *text);
    }
    return {};
  }
  if (difference.empty()) return NoEquivalent(problem.empty() ? "no form of it is known" : problem);
  return NoEquivalent("in every form that GGUF has for it, \"" + Printable(difference) +
                      "\" and the like become other tokens");
}

// Tokens that end a generation and that a reader of the file would not find by itself.
void AddEnds(const Tokenizer& original, const Tokenizer& written, GgufKeys& keys,
             std::vector<std::string>& warnings) {
  std::string left_out;
  for (const TokenId id : original.end_ids) {
    if (std::ranges::count(written.end_ids, id) > 0) continue;
    const std::string_view free[] = {"eot_token_id", "eom_token_id"};
    const auto* name = std::ranges::find_if(free, [&](std::string_view key) {
      return !keys.Has("tokenizer.ggml." + std::string(key));
    });
    if (name != std::end(free))
      AddId(*name, id, keys);
    else
      left_out += " " + std::to_string(id);
  }
  if (!left_out.empty())
    warnings.push_back(
        "generation_config.json ends answers with more tokens than GGUF has keys "
        "for; these are left out:" +
        left_out);
}

}  // namespace

TokenizerFacts TokenizerFactsOf(const Metadata& directory) {
  TokenizerFacts facts;
  facts.bos_token = SpellingOf(directory, "bos_token");
  facts.eos_token = SpellingOf(directory, "eos_token");
  facts.unk_token = SpellingOf(directory, "unk_token");
  facts.pad_token = SpellingOf(directory, "pad_token");
  facts.add_bos_token = FlagOf(directory, "add_bos_token");
  facts.add_eos_token = FlagOf(directory, "add_eos_token");
  facts.tokenizer_class = SpellingOf(directory, "tokenizer_class").value_or("");
  facts.bos_token_id = First(IdsOf(directory, "bos_token_id"));
  facts.pad_token_id = First(IdsOf(directory, "pad_token_id"));
  facts.end_ids = IdsOf(directory, "eos_token_id");
  facts.eos_token_id = First(facts.end_ids);
  return facts;
}

Status AddTokenizerKeys(const Metadata& directory, uint32_t vocabulary,
                        std::string_view architecture, GgufKeys& keys,
                        std::vector<std::string>& warnings) {
  INGLE_TRY(const std::string* file, directory.String(kTokenizerJsonKey));
  if (file == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                "There is no tokenizer.json in the directory, and a GGUF file without a tokenizer "
                "is of no use; fetch the model again with all its files, or write tokenizer.json "
                "with transformers (AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)).",
                "tokenizer.json", "unsupported_tokenizer");
  }
  INGLE_TRY(const auto original, LoadTokenizerJson(*file, TokenizerFactsOf(directory)));
  INGLE_TRY(const TokenizerModel model, TokenizerModel::Read(*file));
  INGLE_RETURN_IF_ERROR(AddTokens(*original, model, vocabulary, keys));
  INGLE_RETURN_IF_ERROR(model.AddKeys(*original, vocabulary, keys, warnings));
  INGLE_RETURN_IF_ERROR(ChooseForm(*original, model, architecture, keys));
  INGLE_TRY(const Metadata read, keys.Read());
  INGLE_TRY(const auto written, LoadTokenizer(read));
  AddEnds(*original, *written, keys, warnings);
  const std::string lost = FirstDifference(*original, *written, Compared::kAll);
  if (!lost.empty())
    warnings.push_back(
        "GGUF cannot say how the directory's tokenizer changes text before it cuts "
        "it (as Unicode normalisation does): text such as \"" +
        Printable(lost) + "\" becomes other tokens there");
  return {};
}

}  // namespace ingle
