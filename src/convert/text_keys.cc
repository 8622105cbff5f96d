// Chat templates and defaults of a directory as GGUF keys.

#include <algorithm>

#include "convert/tokenizer_keys.h"
#include "engine/model_sampling.h"
#include "files/model_files.h"
#include "request/request_limits.h"

namespace ingle {
namespace {

// The first of a field's keys: GGUF's, where it has one.
std::string_view KeyOf(std::string_view field) {
  const auto keys = SamplingKeys();
  const auto found = std::ranges::find(keys, field, &SamplingKey::field);
  return found == keys.end() ? std::string_view() : found->key;
}

}  // namespace

// Names stay as they are, so that a template is asked for by the same one in either container.
Status AddTemplateKeys(const Metadata& directory, GgufKeys& keys) {
  INGLE_TRY(const std::string* own, directory.String(kChatTemplateKey));
  if (own != nullptr) keys.String(kChatTemplateKey, *own);
  std::vector<std::string> names;
  for (auto at = directory.values.lower_bound(kNamedTemplatePrefix);
       at != directory.values.end() && at->first.starts_with(kNamedTemplatePrefix); ++at) {
    const auto* text = std::get_if<std::string>(&at->second);
    if (text == nullptr) continue;
    names.push_back(at->first.substr(kNamedTemplatePrefix.size()));
    keys.String(at->first, *text);
  }
  if (!names.empty()) keys.Strings("tokenizer.chat_templates", names);
  return {};
}

void AddDefaultKeys(const Metadata& directory, GgufKeys& keys, std::vector<std::string>& warnings) {
  const ModelDefaults defaults = FindModelDefaults(directory);
  for (const SamplingField& field : SamplingFields()) {
    const std::string_view key = KeyOf(field.name);
    if (field.number != nullptr && defaults.sampling.*field.number)
      keys.F32(key, static_cast<float>(*(defaults.sampling.*field.number)));
    if (field.whole != nullptr && defaults.sampling.*field.whole)
      keys.I32(key, static_cast<int32_t>(*(defaults.sampling.*field.whole)));
  }
  if (!defaults.stop.empty()) keys.Strings(kStopStringsKey, defaults.stop);
  for (const Warning& warning : defaults.warnings)
    warnings.push_back(warning.message + "; the file does not have it");
}

}  // namespace ingle
