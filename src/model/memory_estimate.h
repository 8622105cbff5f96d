#pragma once
// What a model will take, from its header alone.

#include <cstdint>

#include "base/result.h"
#include "kernels/attention.h"
#include "model/model.h"
#include "model/weights.h"

namespace ingle {

struct MemoryEstimate {
  uint64_t parameters = 0;
  uint64_t weight_bytes = 0;  // Packed.
  CacheFormat cache_format = kCacheBf16;
  uint64_t cache_bytes_per_token = 0;  // Of one sequence.
  uint64_t working_bytes = 0;          // The program, its vocabulary and the buffers of a pass.
};

Result<MemoryEstimate> EstimateMemory(const ModelPlan& plan, CacheType cache);

}  // namespace ingle
