// Llama 2 and 3.x, SmolLM2, and every other model published under the "llama" GGUF name.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// Defaults of transformers' LlamaConfig.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{4096}},
    {"intermediate_size", int64_t{11008}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads"},
    {"head_dim"},
    {"max_position_embeddings", int64_t{2048}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"attention_bias", false},
    {"mlp_bias", false},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata,
                         {.rope = LlamaRope(metadata), .attention_bias = true, .mlp_bias = true});
}

}  // namespace

extern const Architecture kLlama;
const Architecture kLlama = {.gguf_name = "llama",
                             .hf_class = "LlamaForCausalLM",
                             .describe = Describe,
                             .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention,
                                         kLlamaFeedForward, kAttentionBiases, kFeedForwardBiases},
                             .config = kConfig};

}  // namespace ingle
