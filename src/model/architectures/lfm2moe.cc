// LFM2 with a mixture of experts in all but the first layers: sigmoids, and a bias that only
// chooses.

#include "model/architectures/lfm2.h"

namespace ingle {
namespace {

constexpr TensorSpec kExperts[] = {
    {Slot::kRouter, Dim::kExperts, Dim::kModel, "blk.{}.ffn_gate_inp.weight",
     "model.layers.{}.feed_forward.gate.weight", When::kAlways, Where::kExperts},
    {Slot::kRouterBias, Dim::kVector, Dim::kExperts, "blk.{}.exp_probs_b.bias",
     "model.layers.{}.feed_forward.expert_bias", When::kOptional, Where::kExperts},
    {Slot::kExpertGate, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_gate_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w1.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertUp, Dim::kExpertFfn, Dim::kModel, "blk.{}.ffn_up_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w3.weight", When::kAlways, Where::kExperts},
    {Slot::kExpertDown, Dim::kModel, Dim::kExpertFfn, "blk.{}.ffn_down_exps.weight",
     "model.layers.{}.feed_forward.experts.{e}.w2.weight", When::kAlways, Where::kExperts},
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
                               .tied_in_hf = true};

}  // namespace ingle
