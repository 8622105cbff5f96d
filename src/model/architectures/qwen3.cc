// Qwen3 (dense): Llama with an RMS norm on every head of the queries and keys.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves});
}

}  // namespace

extern const Architecture kQwen3;
const Architecture kQwen3 = {
    .gguf_name = "qwen3",
    .hf_class = "Qwen3ForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward, kHeadNorms}};

}  // namespace ingle
