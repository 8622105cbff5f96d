#include "model/config_keys.h"

#include <algorithm>
#include <set>
#include <span>

#include "files/model_files.h"
#include "model/config_keys_table.h"

namespace ingle {
namespace {

constexpr std::string_view kTextConfig = "text_config.";
// Of other files than config.json.
constexpr std::string_view kOtherFiles[] = {"tokenizer.", "chat_template_json.",
                                            kGenerationConfigPrefix, kTokenizerConfigPrefix,
                                            kSpecialTokensPrefix};
constexpr std::string_view kRopeObjects[] = {"rope_parameters", "rope_scaling"};
constexpr std::string_view kLayerKinds[] = {"full_attention", "sliding_attention"};

bool Holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// "a.b.c" -> "a", and "b.c" is left; of "a" nothing.
std::string_view TakeWord(std::string_view& name) {
  const size_t dot = name.find('.');
  const std::string_view word = name.substr(0, dot);
  name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  return word;
}

bool Reads(const Architecture& architecture, std::string_view name) {
  return std::ranges::any_of(architecture.config, [&](const ConfigKey& key) {
    return key.name == name || (!key.also.empty() && key.also == name);
  });
}

// "factor", or "full_attention.factor". Lists of numbers of several kinds are flat: "factor.0".
ConfigUse UseOfRopeKey(const Architecture& architecture, std::string_view name) {
  std::string_view rest = name;
  std::string_view word = TakeWord(rest);
  if (Holds(kLayerKinds, word)) word = TakeWord(rest);
  if (Holds(kRopeConfigKeys, word)) return ConfigUse::kRead;
  const bool partial = word == "partial_rotary_factor" && Reads(architecture, word);
  return partial ? ConfigUse::kRead : ConfigUse::kUnknown;
}

std::string_view WithoutTextConfig(std::string_view name) {
  return name.starts_with(kTextConfig) ? name.substr(kTextConfig.size()) : name;
}

bool IsThere(const Metadata& directory, std::string_view prefix, std::string_view name) {
  const std::string full = std::string(prefix) + std::string(name);
  return directory.Has(full) || directory.nulls.contains(full);
}

MetadataValue ValueOf(const ConfigFallback& fallback) {
  if (const bool* truth = std::get_if<bool>(&fallback)) return *truth;
  if (const double* number = std::get_if<double>(&fallback)) return *number;
  return std::get<int64_t>(fallback);
}

// What a warning calls it: of an object's members the object's name, but in rope's.
std::string ShownName(std::string_view name) {
  std::string_view rest = name;
  const std::string_view word = TakeWord(rest);
  if (Holds(kRopeObjects, word) || word == kTextConfig.substr(0, kTextConfig.size() - 1))
    return std::string(name);
  return std::string(word);
}

}  // namespace

ConfigUse UseOfConfigKey(const Architecture& architecture, std::string_view name) {
  std::string_view rest = name;
  const std::string_view word = TakeWord(rest);
  if (Holds(kRopeObjects, word)) return UseOfRopeKey(architecture, rest);
  if (Reads(architecture, word)) return ConfigUse::kRead;
  if (Holds(kCheckedConfigKeys, word)) return ConfigUse::kChecked;
  // A name may have a dot of its own.
  if (Holds(kConfigKeysWithoutEffect, word)) return ConfigUse::kNoEffect;
  for (const std::string_view known : kConfigKeysWithoutEffect)
    if (known.find('.') != std::string_view::npos && name.starts_with(known))
      return ConfigUse::kNoEffect;
  return ConfigUse::kUnknown;
}

bool IsMultimodal(const Architecture& architecture, const Metadata& metadata) {
  if (architecture.hf_multimodal.empty()) return false;
  const auto classes = metadata.Strings("architectures");
  return classes && *classes != nullptr && !(*classes)->empty() &&
         (*classes)->front() == architecture.hf_multimodal;
}

EffectiveConfig ReadConfig(const Architecture& architecture, const Metadata& directory) {
  const bool within = IsMultimodal(architecture, directory);
  const std::string_view prefix = within ? kTextConfig : std::string_view();
  EffectiveConfig config;
  config.metadata.container = directory.container;
  std::set<std::string> unknown;
  for (const auto& [name, value] : directory.values) {
    const auto of = [&](std::string_view file) { return name.starts_with(file); };
    if (std::ranges::any_of(kOtherFiles, of)) continue;
    const std::string_view own = within ? WithoutTextConfig(name) : std::string_view(name);
    const ConfigUse use = UseOfConfigKey(architecture, own);
    // Beside a text_config only what is about the whole model counts.
    const bool outside = within && own.size() == name.size();
    if (use == ConfigUse::kNoEffect) continue;
    if (use != ConfigUse::kUnknown && !outside) {
      config.metadata.values.insert_or_assign(std::string(own), value);
      continue;
    }
    unknown.insert(ShownName(name));
  }
  config.unknown.assign(unknown.begin(), unknown.end());
  for (const ConfigKey& key : architecture.config) {
    const bool there = IsThere(directory, prefix, key.name) ||
                       (!key.also.empty() && IsThere(directory, prefix, key.also));
    if (!there && !std::holds_alternative<std::monostate>(key.fallback))
      config.metadata.values.insert_or_assign(std::string(key.name), ValueOf(key.fallback));
  }
  return config;
}

Result<Blueprint> DescribeModel(const Architecture& architecture, const Metadata& metadata) {
  if (metadata.container != Container::kHuggingFace) return architecture.describe(metadata);
  auto blueprint = architecture.describe(ReadConfig(architecture, metadata).metadata);
  if (blueprint || !IsMultimodal(architecture, metadata)) return blueprint;
  Error error = std::move(blueprint).error();
  error.message += " (It stands in 'text_config' of config.json.)";
  return std::unexpected(std::move(error));
}

}  // namespace ingle
