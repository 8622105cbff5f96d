// Mistral: Llama with a window of attention in every layer. (As GGUF most are published as
// "llama".)

#include "model/architectures/tables.h"

namespace ingle {
namespace {

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = LlamaRope(metadata)});
}

}  // namespace

extern const Architecture kMistral;
const Architecture kMistral = {
    .gguf_name = "mistral3",
    .hf_class = "MistralForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward}};

}  // namespace ingle
