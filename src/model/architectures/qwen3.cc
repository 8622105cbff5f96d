// Qwen3 (dense): Llama with an RMS norm on every head of the queries and keys.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// Defaults of transformers' Qwen3Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{4096}},
    {"intermediate_size", int64_t{22016}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{32}},
    {"head_dim", int64_t{128}},
    {"max_position_embeddings", int64_t{32768}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"attention_bias", false},
    {"use_sliding_window", false},
    {"sliding_window", int64_t{4096}},
    {"max_window_layers", int64_t{28}},
    {"layer_types"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .attention_bias = true});
}

}  // namespace

extern const Architecture kQwen3;
const Architecture kQwen3 = {.gguf_name = "qwen3",
                             .hf_class = "Qwen3ForCausalLM",
                             .describe = Describe,
                             .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention,
                                         kLlamaFeedForward, kHeadNorms, kAttentionBiases},
                             .config = kConfig};

}  // namespace ingle
