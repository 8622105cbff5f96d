// Qwen3 with a mixture of experts: softmax over all, the best are used.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

constexpr TensorSpec kExperts[] = {
    {Slot::kRouter, Dim::kExperts, Dim::kModel, "blk.{}.ffn_gate_inp.weight",
     "model.layers.{}.mlp.gate.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertGate, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_gate_exps.weight",
     "model.layers.{}.mlp.experts.{e}.gate_proj.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertUp, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_up_exps.weight",
     "model.layers.{}.mlp.experts.{e}.up_proj.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertDown, Dim::kModel, Dim::kExpertFfn, "blk.{}.ffn_down_exps.weight",
     "model.layers.{}.mlp.experts.{e}.down_proj.weight", When::kAlways, Where::kExperts},
};

// Defaults of transformers' Qwen3MoeConfig.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2048}},
    {"intermediate_size", int64_t{6144}},
    {"num_hidden_layers", int64_t{24}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{4}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{32768}},
    {"rms_norm_eps", 1e-06},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings"},
    {"attention_bias", false},
    {"use_sliding_window", false},
    {"sliding_window", int64_t{4096}},
    {"num_experts", int64_t{128}, "num_local_experts"},
    {"num_experts_per_tok", int64_t{8}},
    {"moe_intermediate_size", int64_t{768}},
    {"norm_topk_prob", false},
    {"decoder_sparse_step", int64_t{1}},
    {"mlp_only_layers"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(
      metadata, {.rope = RopeStyle::kSplitHalves, .experts = true, .attention_bias = true});
}

}  // namespace

extern const Architecture kQwen3Moe;
const Architecture kQwen3Moe = {
    .gguf_name = "qwen3moe",
    .hf_class = "Qwen3MoeForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward, kHeadNorms,
                kExperts, kAttentionBiases},
    .config = kConfig};

}  // namespace ingle
