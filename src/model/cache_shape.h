#pragma once
// What the cache keeps of a model.

#include <optional>

#include "cache/kv_cache.h"
#include "model/architecture.h"
#include "model/model.h"

namespace ingle {

// Null for CacheType::kAuto.
std::optional<CacheFormat> ChosenFormat(CacheType type);
CacheShape CacheShapeOf(const Blueprint& blueprint, CacheFormat format);

}  // namespace ingle
