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

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.activation = Activation::kGeluTanh,
                                                            .rope = RopeStyle::kSplitHalves,
                                                            .softcaps = true,
                                                            .scales_embedding = true,
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
    .tensors = {kGemmaTensors, kLlamaAttention, kLlamaFeedForward, kNorms},
    .tied_in_hf = true};

}  // namespace ingle
