#include "engine/template_tokens.h"

#include <optional>

#include "files/model_files.h"
#include "text/directory_tokenizer.h"

namespace ingle {
namespace {

void AddId(const Tokenizer& tokenizer, std::string_view name, std::optional<TokenId> id,
           TemplateTokens* tokens) {
  if (id) (*tokens)[name] = tokenizer.Spelling(*id);
}

std::optional<TokenId> IdAt(const Metadata& metadata, std::string_view key, size_t vocabulary) {
  const auto id = metadata.Unsigned(key);
  if (!id || !*id || **id >= vocabulary) return std::nullopt;
  return static_cast<TokenId>(**id);
}

TemplateTokens OfGguf(const Metadata& metadata, const Tokenizer& tokenizer) {
  TemplateTokens tokens;
  AddId(tokenizer, "bos_token", tokenizer.bos, &tokens);
  AddId(tokenizer, "eos_token", tokenizer.eos, &tokens);
  AddId(tokenizer, "unk_token", tokenizer.unk, &tokens);
  AddId(tokenizer, "pad_token", tokenizer.pad, &tokens);
  // GGUF spells it like this.
  for (const auto& [name, key] : {std::pair("sep_token", "tokenizer.ggml.seperator_token_id"),
                                  std::pair("cls_token", "tokenizer.ggml.cls_token_id"),
                                  std::pair("mask_token", "tokenizer.ggml.mask_token_id")})
    AddId(tokenizer, name, IdAt(metadata, key, tokenizer.size()), &tokens);
  return tokens;
}

// "extra_special_tokens": {"image_token": "<image>"}: names of the model's own.
void AddOwnNames(const Metadata& metadata, TemplateTokens* tokens) {
  const std::string prefix = std::string(kTokenizerConfigPrefix) + "extra_special_tokens.";
  for (auto at = metadata.values.lower_bound(prefix);
       at != metadata.values.end() && at->first.starts_with(prefix); ++at) {
    std::string name = at->first.substr(prefix.size());
    const std::string_view content = ".content";
    if (name.ends_with(content)) name.resize(name.size() - content.size());
    const auto* text = std::get_if<std::string>(&at->second);
    const bool plain = name.find('.') == std::string::npos && (name[0] < '0' || name[0] > '9');
    if (text != nullptr && plain && !tokens->contains(name)) (*tokens)[name] = *text;
  }
}

// The class that has spellings of its own where the files have none, as those of GPT-2 itself.
bool IsGpt2(const Metadata& metadata) {
  const auto* kind = std::get_if<std::string>(metadata.Find("model_type"));
  return kind != nullptr && *kind == "gpt2";
}

}  // namespace

TemplateTokens FindTemplateTokens(const Metadata& metadata, const Tokenizer& tokenizer) {
  if (metadata.container == Container::kGguf) return OfGguf(metadata, tokenizer);
  TemplateTokens tokens;
  for (const std::string_view name : kSpecialTokenNames)
    if (const auto spelling = SpecialTokenSpelling(metadata, name); spelling && !spelling->empty())
      tokens[name] = *spelling;
  if (tokens.empty() && IsGpt2(metadata)) {
    AddId(tokenizer, "bos_token", tokenizer.bos, &tokens);
    AddId(tokenizer, "eos_token", tokenizer.eos, &tokens);
  }
  json::array additional;
  for (const std::string& token : AdditionalSpecialTokens(metadata)) additional.emplace_back(token);
  if (!additional.empty()) tokens["additional_special_tokens"] = std::move(additional);
  AddOwnNames(metadata, &tokens);
  return tokens;
}

}  // namespace ingle
