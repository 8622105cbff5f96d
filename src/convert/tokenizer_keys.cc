#include "convert/tokenizer_keys.h"

#include <algorithm>
#include <utility>

#include "convert/tokenizer_model.h"
#include "engine/end_tokens.h"
#include "files/model_files.h"
#include "files/printable.h"
#include "text/directory_tokenizer.h"

namespace ingle {
namespace {

std::unexpected<Error> NoEquivalent(const std::string& what) {
  return Fail(ErrorCode::kUnsupported,
              "The tokenizer of the directory has no equivalent in GGUF: " + what +
                  ". Use the directory itself.",
              "tokenizer.json", "unsupported_tokenizer");
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

// Tokens that end a generation and that a reader of the file would not find by itself. llama.cpp
// knows two keys beside eos_token_id; where they do not do, the whole list is there for us.
void AddEnds(const Tokenizer& original, const Tokenizer& written, const Metadata& directory,
             GgufKeys& keys, std::vector<std::string>& warnings) {
  std::vector<int32_t> all;
  std::string others;
  for (const EndToken& token : FindEndTokens(original, directory, {})) {
    all.push_back(token.id);
    if (std::ranges::count(written.end_ids, token.id) > 0) continue;
    const std::string_view free[] = {"eot_token_id", "eom_token_id"};
    const auto* name = std::ranges::find_if(free, [&](std::string_view key) {
      return !keys.Has("tokenizer.ggml." + std::string(key));
    });
    if (name != std::end(free))
      AddId(*name, token.id, keys);
    else
      others += " " + std::to_string(token.id);
  }
  if (others.empty()) return;
  keys.I32s(kEndTokensKey, all);
  warnings.push_back(
      "more tokens end an answer than llama.cpp has keys for; the file names all in " +
      std::string(kEndTokensKey) + ", where llama.cpp does not look, so these do " +
      "not end its answers:" + others);
}

}  // namespace

Status AddTokenizerKeys(const Metadata& directory, uint32_t vocabulary,
                        std::string_view architecture, GgufKeys& keys,
                        std::vector<std::string>& warnings) {
  INGLE_TRY(const auto original, LoadDirectoryTokenizer(directory));
  INGLE_TRY(const std::string* file, directory.String(kTokenizerJsonKey));
  INGLE_TRY(const TokenizerModel model, TokenizerModel::Read(*file));
  INGLE_RETURN_IF_ERROR(AddTokens(*original, model, vocabulary, keys));
  INGLE_RETURN_IF_ERROR(model.AddKeys(*original, vocabulary, keys, warnings));
  INGLE_RETURN_IF_ERROR(ChooseForm(*original, model, architecture, keys));
  INGLE_TRY(const Metadata read, keys.Read());
  INGLE_TRY(const auto written, LoadTokenizer(read));
  AddEnds(*original, *written, directory, keys, warnings);
  const std::string lost = FirstDifference(*original, *written, Compared::kAll);
  if (!lost.empty())
    warnings.push_back(
        "GGUF cannot say how the directory's tokenizer changes text before it cuts "
        "it (as Unicode normalisation does): text such as \"" +
        Printable(lost) + "\" becomes other tokens there");
  return {};
}

}  // namespace ingle
