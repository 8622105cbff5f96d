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

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .long_rope = true});
}

}  // namespace

extern const Architecture kPhi3;
const Architecture kPhi3 = {.gguf_name = "phi3",
                            .hf_class = "Phi3ForCausalLM",
                            .describe = Describe,
                            .tensors = {kLlamaEnds, kLlamaBlockNorms, kTensors}};

}  // namespace ingle
