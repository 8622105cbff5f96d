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

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves, .experts = true});
}

}  // namespace

extern const Architecture kQwen3Moe;
const Architecture kQwen3Moe = {.gguf_name = "qwen3moe",
                                .hf_class = "Qwen3MoeForCausalLM",
                                .describe = Describe,
                                .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention,
                                            kLlamaFeedForward, kHeadNorms, kExperts}};

}  // namespace ingle
