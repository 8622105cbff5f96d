// Gemma 2: every other layer has a window; scores and logits are capped.

#include "model/architectures/gemma.h"

namespace ingle {
namespace {

constexpr size_t kLayersOf27b = 46;

// Defaults of transformers' Gemma2Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2304}},
    {"intermediate_size", int64_t{9216}},
    {"num_hidden_layers", int64_t{26}},
    {"num_attention_heads", int64_t{8}},
    {"num_key_value_heads", int64_t{4}},
    {"head_dim", int64_t{256}},
    {"max_position_embeddings", int64_t{8192}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_activation"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"attention_bias", false},
    {"query_pre_attn_scalar", int64_t{256}},
    {"sliding_window", int64_t{4096}},
    {"layer_types"},
    {"attn_logit_softcapping", 50.0},
    {"final_logit_softcapping", 30.0},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.activation = Activation::kGeluTanh,
                                                            .rope = RopeStyle::kSplitHalves,
                                                            .softcaps = true,
                                                            .scales_embedding = true,
                                                            .attention_bias = true,
                                                            .global_every = 2}));
  INGLE_RETURN_IF_ERROR(DescribeGemmaScale(metadata, kLayersOf27b, blueprint));
  return blueprint;
}

}  // namespace

extern const Architecture kGemma2;
const Architecture kGemma2 = {
    .gguf_name = "gemma2",
    .hf_class = "Gemma2ForCausalLM",
    .describe = Describe,
    .tensors = {kGemmaTensors, kLlamaAttention, kLlamaFeedForward, kAttentionBiases},
    .config = kConfig,
    .tied_in_hf = true};

}  // namespace ingle
