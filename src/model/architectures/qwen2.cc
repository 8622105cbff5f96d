// Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// Defaults of transformers' Qwen2Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{4096}},
    {"intermediate_size", int64_t{22016}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{32}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{32768}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"use_sliding_window", false},
    {"sliding_window", int64_t{4096}},
    {"max_window_layers", int64_t{28}},
    {"layer_types"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .attention_bias = true});
}

}  // namespace

extern const Architecture kQwen2;
const Architecture kQwen2 = {
    .gguf_name = "qwen2",
    .hf_class = "Qwen2ForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward, kQkvBiases},
    .config = kConfig};

}  // namespace ingle
