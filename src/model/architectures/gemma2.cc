// Gemma 2: every other layer has a window; scores and logits are capped.

#include "model/architectures/gemma.h"

namespace ingle {
namespace {

constexpr size_t kLayersOf27b = 46;

Result<Blueprint> Describe(const Metadata& metadata) {
  INGLE_TRY(Blueprint blueprint, DescribeDecoder(metadata, {.activation = Activation::kGeluTanh,
                                                            .rope = RopeStyle::kSplitHalves,
                                                            .softcaps = true,
                                                            .scales_embedding = true,
                                                            .global_every = 2}));
  INGLE_RETURN_IF_ERROR(DescribeGemmaScale(metadata, kLayersOf27b, blueprint));
  return blueprint;
}

}  // namespace

extern const Architecture kGemma2;
const Architecture kGemma2 = {.gguf_name = "gemma2",
                              .hf_class = "Gemma2ForCausalLM",
                              .describe = Describe,
                              .tensors = {kGemmaTensors, kLlamaAttention, kLlamaFeedForward},
                              .tied_in_hf = true};

}  // namespace ingle
