#include <string>

#include "base/json.h"
#include "text/tokenizer_json.h"

namespace ingle {
namespace {

// A spelling, written as a string or as an added token.
std::optional<std::string> SpellingOf(const json::object& config, std::string_view key) {
  const json::value* value = config.if_contains(key);
  if (value != nullptr && value->is_object()) value = value->get_object().if_contains("content");
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

std::optional<bool> FlagOf(const json::object& config, std::string_view key) {
  const json::value* value = config.if_contains(key);
  if (value == nullptr || !value->is_bool()) return std::nullopt;
  return value->get_bool();
}

}  // namespace

Status ReadTokenizerConfig(std::string_view tokenizer_config_json, TokenizerFacts& facts) {
  INGLE_TRY(const json::value value, ParseJson(tokenizer_config_json, "tokenizer_config.json"));
  const json::object* config = value.if_object();
  if (config == nullptr)
    return Fail(ErrorCode::kCorruptFile,
                "tokenizer_config.json is not an object; download it again",
                "tokenizer_config.json", "invalid_model_file");
  facts.bos_token = SpellingOf(*config, "bos_token");
  facts.eos_token = SpellingOf(*config, "eos_token");
  facts.unk_token = SpellingOf(*config, "unk_token");
  facts.pad_token = SpellingOf(*config, "pad_token");
  facts.add_bos_token = FlagOf(*config, "add_bos_token");
  facts.add_eos_token = FlagOf(*config, "add_eos_token");
  facts.tokenizer_class = SpellingOf(*config, "tokenizer_class").value_or("");
  return {};
}

}  // namespace ingle
