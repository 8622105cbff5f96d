#include "model/memory_estimate.h"

#include "cache/kv_cache.h"
#include "model/decoder.h"
#include "tensor/packed_matrix.h"

namespace ingle {
namespace {

// As the decoder chooses for CacheType::kAuto.
CacheFormat FormatFor(const ModelPlan& plan, CacheType cache) {
  if (cache != CacheType::kAuto) return cache == CacheType::kF32 ? kCacheF32 : kCacheBf16;
  for (const PlannedTensor& tensor : plan.tensors) {
    const bool projection =
        tensor.slot == Slot::kQuery || tensor.slot == Slot::kKey || tensor.slot == Slot::kValue;
    if (projection && tensor.view.type != DType::kF32 && tensor.view.type != DType::kF16)
      return kCacheBf16;
  }
  return kCacheF32;
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
  estimate.cache_bytes_per_token =
      KvCache::BytesPerToken(CacheShapeOf(plan.blueprint, FormatFor(plan, cache)));
  return estimate;
}

}  // namespace ingle
