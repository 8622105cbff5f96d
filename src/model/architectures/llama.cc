// Llama 2 and 3.x, SmolLM2, and every other model published under the "llama" GGUF name.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = LlamaRope(metadata)});
}

}  // namespace

extern const Architecture kLlama;
const Architecture kLlama = {
    .gguf_name = "llama",
    .hf_class = "LlamaForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward}};

}  // namespace ingle
