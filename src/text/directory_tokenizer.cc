#include "text/directory_tokenizer.h"

#include <array>

#include "files/model_files.h"

namespace ingle {
namespace {

std::string Joined(std::string_view prefix, std::string_view name) {
  return std::string(prefix) + std::string(name);
}

std::optional<std::string> TextAt(const Metadata& metadata, const std::string& key) {
  const auto* text = std::get_if<std::string>(metadata.Find(key));
  return text == nullptr ? std::nullopt : std::optional(*text);
}

// Written as a text or as an added token, an object.
std::optional<std::string> SpellingAt(const Metadata& metadata, const std::string& key) {
  auto text = TextAt(metadata, key);
  return text ? text : TextAt(metadata, key + ".content");
}

// Both files, the one that wins first.
std::array<std::string_view, 2> FilesInOrder(const Metadata& metadata) {
  const std::string decoder = Joined(kTokenizerConfigPrefix, "added_tokens_decoder.");
  const auto first = metadata.values.lower_bound(decoder);
  const bool modern = first != metadata.values.end() && first->first.starts_with(decoder);
  if (modern) return {kTokenizerConfigPrefix, kTokenizerConfigPrefix};
  return {kSpecialTokensPrefix, kTokenizerConfigPrefix};
}

std::optional<bool> FlagAt(const Metadata& metadata, std::string_view name) {
  const auto* flag = std::get_if<bool>(metadata.Find(Joined(kTokenizerConfigPrefix, name)));
  return flag == nullptr ? std::nullopt : std::optional(*flag);
}

// The first id of generation_config.json, else of config.json, that the vocabulary can have.
std::optional<TokenId> IdAt(const Metadata& metadata, const std::string& name) {
  auto vocabulary = metadata.Unsigned("vocab_size");
  for (const std::string& key : {Joined(kGenerationConfigPrefix, name), name}) {
    auto ids = metadata.Integers(key);
    if (!ids || ids->empty() || ids->front() < 0) continue;
    const bool fits =
        !vocabulary || !*vocabulary || static_cast<uint64_t>(ids->front()) < **vocabulary;
    if (fits && ids->front() <= INT32_MAX) return static_cast<TokenId>(ids->front());
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> SpecialTokenSpelling(const Metadata& directory, std::string_view name) {
  for (const std::string_view file : FilesInOrder(directory))
    if (auto spelling = SpellingAt(directory, Joined(file, name))) return spelling;
  return std::nullopt;
}

std::vector<std::string> AdditionalSpecialTokens(const Metadata& directory) {
  for (const std::string_view file : FilesInOrder(directory)) {
    const std::string key = Joined(file, "additional_special_tokens");
    if (const auto* texts = std::get_if<std::vector<std::string>>(directory.Find(key)))
      return *texts;
    std::vector<std::string> tokens;
    while (auto token = SpellingAt(directory, key + "." + std::to_string(tokens.size())))
      tokens.push_back(*std::move(token));
    if (!tokens.empty()) return tokens;
  }
  return {};
}

TokenizerFacts FactsOfDirectory(const Metadata& directory) {
  TokenizerFacts facts;
  facts.bos_token = SpecialTokenSpelling(directory, "bos_token");
  facts.eos_token = SpecialTokenSpelling(directory, "eos_token");
  facts.unk_token = SpecialTokenSpelling(directory, "unk_token");
  facts.pad_token = SpecialTokenSpelling(directory, "pad_token");
  facts.add_bos_token = FlagAt(directory, "add_bos_token");
  facts.add_eos_token = FlagAt(directory, "add_eos_token");
  facts.tokenizer_class =
      TextAt(directory, Joined(kTokenizerConfigPrefix, "tokenizer_class")).value_or("");
  if (!facts.bos_token) facts.bos_token_id = IdAt(directory, "bos_token_id");
  if (!facts.eos_token) facts.eos_token_id = IdAt(directory, "eos_token_id");
  return facts;
}

Result<std::unique_ptr<Tokenizer>> LoadDirectoryTokenizer(const Metadata& directory) {
  INGLE_TRY(const std::string* file, directory.String(kTokenizerJsonKey));
  if (file == nullptr)
    return Fail(ErrorCode::kUnsupported,
                "the directory has no tokenizer.json, which says how text becomes tokens; fetch "
                "the model again with all its files, or write that file with transformers "
                "(AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR))",
                "tokenizer.json", "unsupported_tokenizer");
  return LoadTokenizerJson(*file, FactsOfDirectory(directory));
}

}  // namespace ingle
