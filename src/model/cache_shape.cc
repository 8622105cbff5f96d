#include "model/cache_shape.h"

namespace ingle {

std::optional<CacheFormat> ChosenFormat(CacheType type) {
  switch (type) {
    case CacheType::kAuto: break;
    case CacheType::kBf16: return kCacheBf16;
    case CacheType::kF32: return kCacheF32;
    case CacheType::kI8: return kCacheI8;
  }
  return std::nullopt;
}

CacheShape CacheShapeOf(const Blueprint& blueprint, CacheFormat format) {
  CacheShape shape;
  shape.format = format;
  shape.head_dim = blueprint.head_dim;
  for (const LayerBlueprint& layer : blueprint.layers) {
    const bool convolution = layer.mixer == Mixer::kShortConvolution;
    shape.kv_heads.push_back(layer.kv_heads);
    shape.state_floats.push_back(convolution ? (blueprint.conv_taps - 1) * blueprint.model_dim : 0);
  }
  return shape;
}

}  // namespace ingle
