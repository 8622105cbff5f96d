// Mistral: Llama with a window of attention in every layer. (As GGUF most are published as
// "llama".)

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// Defaults of transformers' MistralConfig.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{4096}},
    {"intermediate_size", int64_t{14336}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{8}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{131072}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"sliding_window", int64_t{4096}},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = LlamaRope(metadata)});
}

}  // namespace

extern const Architecture kMistral;
const Architecture kMistral = {
    .gguf_name = "mistral3",
    .hf_class = "MistralForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward},
    .config = kConfig};

}  // namespace ingle
