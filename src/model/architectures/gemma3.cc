// Gemma 3: five layers with a window for each that sees everything, with a rotation of their own.

#include "model/architectures/gemma.h"

namespace ingle {
namespace {

constexpr size_t kLayersOf27b = 62;

constexpr TensorSpec kNorms[] = {
    {Slot::kQueryNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_q_norm.weight",
     "model.layers.{}.self_attn.q_norm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
    {Slot::kKeyNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_k_norm.weight",
     "model.layers.{}.self_attn.k_norm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
};

// Defaults of transformers' Gemma3TextConfig.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2304}},
    {"intermediate_size", int64_t{9216}},
    {"num_hidden_layers", int64_t{26}},
    {"num_attention_heads", int64_t{8}},
    {"num_key_value_heads", int64_t{4}},
    {"head_dim", int64_t{256}},
    {"max_position_embeddings", int64_t{131072}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_activation"},
    {"rope_theta", 1000000.0},
    {"original_max_position_embeddings"},
    {"rope_local_base_freq", 10000.0},
    {"attention_bias", false},
    {"query_pre_attn_scalar", int64_t{256}},
    {"sliding_window", int64_t{4096}},
    {"sliding_window_pattern", int64_t{6}, "_sliding_window_pattern"},
    {"layer_types"},
    {"attn_logit_softcapping"},
    {"final_logit_softcapping"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.activation = Activation::kGeluTanh,
                                                            .rope = RopeStyle::kSplitHalves,
                                                            .softcaps = true,
                                                            .scales_embedding = true,
                                                            .attention_bias = true,
                                                            .global_every = 6,
                                                            .local_theta = 10000}));
  INGLE_RETURN_IF_ERROR(DescribeGemmaScale(metadata, kLayersOf27b, blueprint));
  return blueprint;
}

}  // namespace

extern const Architecture kGemma3;
const Architecture kGemma3 = {
    .gguf_name = "gemma3",
    .hf_class = "Gemma3ForCausalLM",
    .describe = Describe,
    .tensors = {kGemmaTensors, kLlamaAttention, kLlamaFeedForward, kNorms, kAttentionBiases},
    .config = kConfig,
    .tied_in_hf = true,
    .hf_multimodal = "Gemma3ForConditionalGeneration"};

}  // namespace ingle
