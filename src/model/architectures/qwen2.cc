// Qwen2 and Qwen2.5: Llama with biases on the query, key and value projections.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.rope = RopeStyle::kSplitHalves});
}

}  // namespace

extern const Architecture kQwen2;
const Architecture kQwen2 = {
    .gguf_name = "qwen2",
    .hf_class = "Qwen2ForCausalLM",
    .describe = Describe,
    .tensors = {kLlamaEnds, kLlamaBlockNorms, kLlamaAttention, kLlamaFeedForward, kQkvBiases}};

}  // namespace ingle
