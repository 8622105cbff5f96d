#pragma once
// What of a config.json counts. transformers gives every class keys of its own with defaults of its
// own, and ignores the rest; so does this build, and it names what it ignores.

#include <string>
#include <string_view>
#include <vector>

#include "model/architecture.h"

namespace ingle {

// What happens to a key of config.json.
enum class ConfigUse : uint8_t {
  kRead,      // The class reads it.
  kChecked,   // No class of ours reads it; any value that would change the arithmetic is refused.
  kNoEffect,  // Training, bookkeeping, or read elsewhere (tokens, quantisation).
  kUnknown,   // Ignored with a warning.
};

// name: flat, as "rope_scaling.factor".
ConfigUse UseOfConfigKey(const Architecture& architecture, std::string_view name);

struct EffectiveConfig {
  Metadata metadata;                 // Keys that count, with the class's defaults.
  std::vector<std::string> unknown;  // As config.json has them; of an object its name only.
};
// directory: the metadata of a Hugging Face directory.
EffectiveConfig ReadConfig(const Architecture& architecture, const Metadata& directory);

// Whether it is Architecture::hf_multimodal, whose language part alone is used.
bool IsMultimodal(const Architecture& architecture, const Metadata& metadata);

// Architecture::describe with what counts of the metadata, in either container.
Result<Blueprint> DescribeModel(const Architecture& architecture, const Metadata& metadata);

}  // namespace ingle
