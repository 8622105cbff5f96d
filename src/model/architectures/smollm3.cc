// SmolLM3: Llama whose every fourth layer has no rotary embedding.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// GGUF does not store it, and every published model uses 4. A config.json lists the layers: 1 for
// those that rotate, in spite of the name.
constexpr size_t kNoRopeInterval = 4;

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.rope = LlamaRope(metadata)}));
  INGLE_TRY(const auto rotates, metadata.Integers("no_rope_layers"));
  if (!rotates.empty() && rotates.size() != blueprint.layers.size()) {
    return Fail(ErrorCode::kCorruptFile,
                "Key 'no_rope_layers' must list one value per layer; fetch the model again.",
                "no_rope_layers", "invalid_model_file");
  }
  for (size_t i = 0; i < blueprint.layers.size(); ++i) {
    const bool rotated = rotates.empty() ? (i + 1) % kNoRopeInterval != 0 : rotates[i] != 0;
    if (!rotated) blueprint.layers[i].rope = RopeStyle::kNone;
  }
  return blueprint;
}

}  // namespace

extern const Architecture kSmolLm3;
const Architecture kSmolLm3 = {
    .gguf_name = "smollm3",
    .hf_class = "SmolLM3ForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward},
    .tied_in_hf = true};

}  // namespace ingle
