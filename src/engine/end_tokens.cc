#include "engine/end_tokens.h"

#include <array>
#include <map>

namespace ingle {
namespace {

// Keys that hold one id or a list of ids. The infill markers end a generation as well: what follows
// them belongs to another file. The last two are of Hugging Face directories, whose config.json has
// no prefix.
constexpr std::array<std::string_view, 8> kIdKeys{"tokenizer.ggml.eos_token_id",
                                                  "tokenizer.ggml.eot_token_id",
                                                  "tokenizer.ggml.eom_token_id",
                                                  "tokenizer.ggml.fim_pad_token_id",
                                                  "tokenizer.ggml.fim_rep_token_id",
                                                  "tokenizer.ggml.fim_sep_token_id",
                                                  kEndTokensKey,
                                                  "eos_token_id"};

std::string SourceName(std::string_view key) {
  if (key == "eos_token_id") return "config.eos_token_id";
  constexpr std::string_view kPrefix = "tokenizer.ggml.";
  return std::string(key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key);
}

}  // namespace

std::vector<EndToken> FindEndTokens(const Tokenizer& tokenizer, const Metadata& metadata,
                                    std::span<const std::string> turn_endings) {
  std::map<TokenId, std::string> found;  // The first source that names an id stays.
  auto add = [&](int64_t id, std::string source) {
    if (id >= 0 && static_cast<uint64_t>(id) < tokenizer.size())
      found.try_emplace(static_cast<TokenId>(id), std::move(source));
  };
  for (std::string_view key : kIdKeys) {
    auto ids = metadata.Integers(key);  // A value of another kind is reported by the tokenizer.
    if (!ids) continue;
    for (int64_t id : *ids) add(id, SourceName(key));
  }
  if (tokenizer.eos) add(*tokenizer.eos, "eos_token_id");
  if (tokenizer.eot) add(*tokenizer.eot, "eot_token_id");
  for (const std::string& ending : turn_endings)
    // A template may close a turn with plain text; a word of the language must not end answers.
    if (auto id = tokenizer.Find(ending); id && tokenizer.Kind(*id) != TokenKind::kNormal)
      add(*id, "chat template");
  for (TokenId id : tokenizer.end_ids) add(id, "known spelling");

  std::vector<EndToken> tokens;
  for (auto& [id, source] : found)
    tokens.push_back({id, std::string(tokenizer.Spelling(id)), std::move(source)});
  return tokens;
}

}  // namespace ingle
