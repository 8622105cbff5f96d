#include "model/memory_estimate.h"

#include <algorithm>

#include "cache/kv_cache.h"
#include "model/blocks/pass.h"
#include "model/cache_shape.h"
#include "tensor/packed_matrix.h"

namespace ingle {
namespace {

// As the decoder chooses.
CacheFormat FormatFor(const ModelPlan& plan, CacheType cache) {
  if (const auto chosen = ChosenFormat(cache)) return *chosen;
  for (const PlannedTensor& tensor : plan.tensors) {
    const bool projection =
        tensor.slot == Slot::kQuery || tensor.slot == Slot::kKey || tensor.slot == Slot::kValue;
    if (projection && tensor.view.type != DType::kF32 && tensor.view.type != DType::kF16)
      return kCacheBf16;
  }
  return kCacheF32;
}

// The program with its libraries, and a vocabulary with its merges: bench/memory.py shows how far
// this is from what is measured.
constexpr uint64_t kProgramBytes = uint64_t{36} << 20;
constexpr uint64_t kBytesPerVocabularyEntry = 200;

// Of a pass, per token: the residual stream, queries and what attention gives, the hidden row and
// its activations in one byte and a half per input. See blocks/workspace.cc.
uint64_t PassBytes(const Blueprint& b) {
  const uint64_t hidden =
      std::max(uint64_t{b.ffn_dim}, uint64_t{b.experts.used} * b.experts.ffn_dim);
  const uint64_t floats = b.model_dim + uint64_t{2} * b.heads * b.head_dim + hidden;
  return kPassTokens * (floats * sizeof(float) + std::max(hidden, uint64_t{b.model_dim}) * 3 / 2);
}

}  // namespace

Result<MemoryEstimate> EstimateMemory(const ModelPlan& plan, CacheType cache) {
  MemoryEstimate estimate;
  for (const PlannedTensor& tensor : plan.tensors) {
    const TensorView& view = tensor.view;
    const uint64_t weights = uint64_t{view.rows} * view.cols;
    estimate.parameters += weights;
    if (IsKeptAsFloats(tensor.slot)) {
      estimate.weight_bytes += weights * sizeof(float);
      continue;
    }
    INGLE_TRY(const size_t packed, PackedBytes(view.type, view.rows, view.cols));
    estimate.weight_bytes += packed;
  }
  estimate.cache_format = FormatFor(plan, cache);
  estimate.cache_bytes_per_token =
      KvCache::BytesPerToken(CacheShapeOf(plan.blueprint, estimate.cache_format));
  const Blueprint& b = plan.blueprint;
  estimate.working_bytes =
      kProgramBytes + b.vocab * (kBytesPerVocabularyEntry + sizeof(float)) + PassBytes(b);
  return estimate;
}

}  // namespace ingle
