// LFM2 with a mixture of experts in all but the first layers: sigmoids, and a bias that only
// chooses.

#include "model/architectures/lfm2.h"

namespace ingle {
namespace {

constexpr TensorSpec kExperts[] = {
    {Slot::kRouter, Dim::kExperts, Dim::kModel, "blk.{}.ffn_gate_inp.weight",
     "model.layers.{}.feed_forward.gate.weight", When::kAlways, Where::kExperts},
    {Slot::kRouterBias, Dim::kVector, Dim::kExperts, "blk.{}.exp_probs_b.bias",
     "model.layers.{}.feed_forward.expert_bias", When::kOptional, Where::kExperts, Fix::kNone,
     "use_expert_bias"},
    {Slot::kExpertGate, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_gate_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w1.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertUp, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_up_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w3.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertDown, Dim::kModel, Dim::kExpertFfn, "blk.{}.ffn_down_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w2.weight", When::kAlways, Where::kExperts},
};

// Defaults of transformers' Lfm2MoeConfig.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{2048}},
    {"intermediate_size", int64_t{7168}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads", int64_t{8}},
    {"head_dim"},
    {"max_position_embeddings", int64_t{128000}},
    {"norm_eps", 1e-05},
    {"vocab_size"},
    {"rope_theta", 1000000.0},
    {"original_max_position_embeddings"},
    {"conv_L_cache", int64_t{3}},
    {"layer_types"},
    {"num_dense_layers", int64_t{2}},
    {"num_experts", int64_t{32}, "num_local_experts"},
    {"num_experts_per_tok", int64_t{4}},
    {"moe_intermediate_size", int64_t{1792}},
    {"norm_topk_prob", true},
    {"use_expert_bias", true},
    {"routed_scaling_factor", 1.0},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves,
                                                            .experts = true,
                                                            .sigmoid_experts = true,
                                                            .convolutions = true}));
  blueprint.experts.sum_epsilon = 1e-6f;
  return blueprint;
}

}  // namespace

extern const Architecture kLfm2Moe;
const Architecture kLfm2Moe = {.gguf_name = "lfm2moe",
                               .hf_class = "Lfm2MoeForCausalLM",
                               .describe = Describe,
                               .tensors = {kLfm2Tensors, kExperts},
                               .config = kConfig,
                               .tied_in_hf = true};

}  // namespace ingle
