// Phi-3 and Phi-4: Llama with fused projections, LongRoPE and a share of each head that rotates.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

constexpr TensorSpec kTensors[] = {
    {Slot::kRopeFactorsShort, Dim::kVector, Dim::kRopePairs, "rope_factors_short.weight", "",
     When::kOptional},
    {Slot::kRopeFactorsLong, Dim::kVector, Dim::kRopePairs, "rope_factors_long.weight", "",
     When::kOptional},
    {Slot::kQuery, Dim::kQueries, Dim::kModel, "blk.{}.attn_qkv.weight",
     "model.layers.{}.self_attn.qkv_proj.weight"},
    {Slot::kKey, Dim::kKeys, Dim::kModel, "blk.{}.attn_qkv.weight",
     "model.layers.{}.self_attn.qkv_proj.weight"},
    {Slot::kValue, Dim::kKeys, Dim::kModel, "blk.{}.attn_qkv.weight",
     "model.layers.{}.self_attn.qkv_proj.weight"},
    {Slot::kAttentionOut, Dim::kModel, Dim::kQueries, "blk.{}.attn_output.weight",
     "model.layers.{}.self_attn.o_proj.weight"},
    {Slot::kFfnGate, Dim::kFfn, Dim::kModel, "blk.{}.ffn_up.weight",
     "model.layers.{}.mlp.gate_up_proj.weight"},
    {Slot::kFfnUp, Dim::kFfn, Dim::kModel, "blk.{}.ffn_up.weight",
     "model.layers.{}.mlp.gate_up_proj.weight"},
    {Slot::kFfnDown, Dim::kModel, Dim::kFfn, "blk.{}.ffn_down.weight",
     "model.layers.{}.mlp.down_proj.weight"},
};

// Defaults of transformers' Phi3Config.
constexpr ConfigKey kConfig[] = {
    {"hidden_size", int64_t{3072}},
    {"intermediate_size", int64_t{8192}},
    {"num_hidden_layers", int64_t{32}},
    {"num_attention_heads", int64_t{32}},
    {"num_key_value_heads"},
    {"head_dim"},
    {"max_position_embeddings", int64_t{4096}},
    {"rms_norm_eps", 1e-05},
    {"vocab_size"},
    {"hidden_act"},
    {"rope_theta", 10000.0},
    {"original_max_position_embeddings", int64_t{4096}},
    {"partial_rotary_factor"},
    {"sliding_window"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .long_rope = true});
}

}  // namespace

extern const Architecture kPhi3;
const Architecture kPhi3 = {.gguf_name = "phi3",
                            .hf_class = "Phi3ForCausalLM",
                            .describe = Describe,
                            .tensors = {kLlamaEnds, kLlamaBlockNorms, kTensors},
                            .config = kConfig};

}  // namespace ingle
