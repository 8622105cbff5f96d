// SmolLM3: Llama whose every fourth layer has no rotary embedding.

#include "model/architectures/tables.h"
#include "model/key_reader.h"

namespace ingle {
namespace {

// Defaults of transformers' SmolLM3Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2048}},
    {"intermediate_size", int64_t{11008}},
    {"num_hidden_layers", int64_t{36}},
    {"num_attention_heads", int64_t{16}},
    {"num_key_value_heads", int64_t{4}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{32768}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 2000000.0},
    {"original_max_position_embeddings"},
    {"attention_bias", false},
    {"mlp_bias", false},
    {"use_sliding_window", false},
    {"sliding_window"},
    {"layer_types"},
    {"no_rope_layers"},
    {"no_rope_layer_interval", int64_t{4}},
};

// GGUF does not store it, and every published model uses 4. A config.json lists the layers: 1 for
// those that rotate, in spite of the name.
constexpr uint32_t kNoRopeInterval = 4;
constexpr Key kInterval{"", "no_rope_layer_interval"}, kTypes{"", "layer_types"};

Result<Blueprint> Describe(const Metadata& metadata) {
  const KeyReader keys(metadata);
  INGLE_TRY(Blueprint blueprint,
            DescribeDecoder(
                metadata, {.rope = LlamaRope(metadata), .attention_bias = true, .mlp_bias = true}));
  INGLE_TRY(const auto rotates, metadata.Integers("no_rope_layers"));
  uint32_t interval = kNoRopeInterval;
  if (keys.is_hf()) {
    INGLE_TRY(interval, keys.SizeOr(kInterval, interval, kLayersMax));
  }
  if (!rotates.empty() && rotates.size() != blueprint.layers.size()) {
    return Fail(ErrorCode::kCorruptFile,
                "Key 'no_rope_layers' must list one value per layer; fetch the model again.",
                "no_rope_layers", "invalid_model_file");
  }
  for (size_t i = 0; i < blueprint.layers.size(); ++i) {
    const bool rotated = rotates.empty() ? (i + 1) % interval != 0 : rotates[i] != 0;
    if (!rotated) blueprint.layers[i].rope = RopeStyle::kNone;
    // Without a list of them, only layers that do not rotate have the window.
    if (rotated && keys.is_hf() && !keys.Has(kTypes)) blueprint.layers[i].window = 0;
  }
  return blueprint;
}

}  // namespace

extern const Architecture kSmolLm3;
const Architecture kSmolLm3 = {.gguf_name = "smollm3",
                               .hf_class = "SmolLM3ForCausalLM",
                               .describe = Describe,
                               .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention,
                                           kLlamaFeedForward, kAttentionBiases, kFeedForwardBiases},
                               .config = kConfig,
                               .tied_in_hf = true};

}  // namespace ingle
