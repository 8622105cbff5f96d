// SmolLM3: Llama whose every fourth layer has no rotary embedding.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

constexpr size_t kNoRopeInterval = 4;  // GGUF does not store it; every published model uses 4.

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata));
  for (size_t i = 0; i < blueprint.layers.size(); ++i) {
    const bool rotates = (i + 1) % kNoRopeInterval != 0;
    blueprint.layers[i].rope = rotates ? LlamaRope(metadata) : RopeStyle::kNone;
  }
  return blueprint;
}

}  // namespace

extern const Architecture kSmolLm3;
const Architecture kSmolLm3 = {.gguf_name = "smollm3",
                               .hf_class = "SmolLM3ForCausalLM",
                               .describe = Describe,
                               .tensors = {kLlamaEnds, kLlamaBlock}};

}  // namespace ingle
