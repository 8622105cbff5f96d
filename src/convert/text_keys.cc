// Chat templates and sampling defaults of a directory as GGUF keys.

#include <cmath>

#include "convert/tokenizer_keys.h"
#include "files/model_files.h"

namespace ingle {
namespace {

// As gguf-py spells names of templates: anything but letters and digits becomes "_".
std::string Word(std::string_view name) {
  std::string word(name);
  for (char& c : word) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  return word;
}

struct SamplingKey {
  std::string_view name;  // In generation_config.json.
  std::string_view key;   // Empty: GGUF has none.
  bool whole = false;
  double neutral = 0;  // A value that does nothing.
};
// Keys: gguf-py's constants, "general.sampling".
constexpr SamplingKey kSamplingKeys[] = {
    {"temperature", "general.sampling.temp", false, -1},
    {"top_k", "general.sampling.top_k", true, -1},
    {"top_p", "general.sampling.top_p", false, -1},
    {"min_p", "general.sampling.min_p", false, -1},
    {"repetition_penalty", "general.sampling.penalty_repeat", false, -1},
    {"typical_p", "", false, 1},
    {"epsilon_cutoff", "", false, 0},
    {"eta_cutoff", "", false, 0},
    {"no_repeat_ngram_size", "", false, 0},
    {"length_penalty", "", false, 1},
};

}  // namespace

Status AddTemplateKeys(const Metadata& directory, GgufKeys& keys) {
  INGLE_TRY(const std::string* own, directory.String(kChatTemplateKey));
  if (own != nullptr) keys.String(kChatTemplateKey, *own);
  std::vector<std::string> names;
  for (auto at = directory.values.lower_bound(kNamedTemplatePrefix);
       at != directory.values.end() && at->first.starts_with(kNamedTemplatePrefix); ++at) {
    const auto* text = std::get_if<std::string>(&at->second);
    if (text == nullptr) continue;
    names.push_back(Word(at->first.substr(kNamedTemplatePrefix.size())));
    keys.String(std::string(kNamedTemplatePrefix) + names.back(), *text);
  }
  if (!names.empty()) keys.Strings("tokenizer.chat_templates", names);
  return {};
}

Status AddSamplingKeys(const Metadata& directory, GgufKeys& keys,
                       std::vector<std::string>& warnings) {
  for (const SamplingKey& sampling : kSamplingKeys) {
    const std::string from = std::string(kGenerationConfigPrefix) + std::string(sampling.name);
    INGLE_TRY(const std::optional<double> value, directory.Number(from));
    if (!value || !std::isfinite(*value)) continue;
    if (sampling.key.empty()) {
      if (*value != sampling.neutral)
        warnings.push_back("generation_config.json sets " + std::string(sampling.name) +
                           ", which GGUF has no key for; it is left out");
    } else if (sampling.whole) {
      if (std::fabs(*value) < 1e9) keys.I32(sampling.key, static_cast<int32_t>(*value));
    } else {
      keys.F32(sampling.key, static_cast<float>(*value));
    }
  }
  return {};
}

}  // namespace ingle
