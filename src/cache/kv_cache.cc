#include "cache/kv_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "kernels/cache_codes.h"

namespace ingle {
namespace {

constexpr uint32_t kGroupTokens = 16;

// Round to nearest, ties to even; a NaN stays one.
uint16_t ToBf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(bits >> 16 | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

// A state's bytes, so that what follows it stays aligned.
uint64_t StateBytes(const CacheShape& shape, size_t layer) {
  constexpr uint64_t kAlignment = 64;
  const uint64_t bytes = shape.state_floats.empty() ? 0 : shape.state_floats[layer] * sizeof(float);
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

uint64_t PageBytes(const CacheShape& shape) {
  uint64_t heads = 0, state = 0;
  for (size_t layer = 0; layer < shape.kv_heads.size(); ++layer) {
    heads += shape.kv_heads[layer];
    state += StateBytes(shape, layer);
  }
  return heads * 2 * CacheBlockBytes(shape.format, KvCache::PaddedDim(shape.head_dim)) + state;
}

// The codes of one token's key, and their scales. to: of its group.
void StoreKeyCodes(const float* key, uint32_t dim, uint32_t lane, uint8_t* to) {
  uint8_t* scales = to + size_t{dim} * kGroupTokens;
  for (uint32_t d = 0, block = 0; d < dim; d += kCodeBlock, ++block) {
    int8_t codes[kCodeBlock];
    const uint32_t count = std::min(kCodeBlock, dim - d);
    const uint16_t scale = QuantizeCodes(key + d, count, codes);
    std::memcpy(scales + (block * kGroupTokens + lane) * sizeof scale, &scale, sizeof scale);
    for (uint32_t i = 0; i < count; i += 2)
      std::memcpy(to + ((d + i) / 2 * kGroupTokens + lane) * 2, codes + i, 2);
  }
}

// The same of a value. to: of its page.
void StoreValueCodes(const float* value, uint32_t dim, uint32_t slot, uint8_t* to) {
  uint8_t* scales = to + size_t{dim} * kPageTokens;
  for (uint32_t d = 0, block = 0; d < dim; d += kCodeBlock, ++block) {
    int8_t codes[kCodeBlock];
    const uint32_t count = std::min(kCodeBlock, dim - d);
    const uint16_t scale = QuantizeCodes(value + d, count, codes);
    std::memcpy(scales + (block * kPageTokens + slot) * sizeof scale, &scale, sizeof scale);
    uint8_t* pairs = to + size_t{d} * kPageTokens + slot / 2 * 2 * count + slot % 2;
    for (uint32_t i = 0; i < count; ++i) pairs[2 * i] = static_cast<uint8_t>(codes[i]);
  }
}

}  // namespace

uint32_t KvCache::PaddedDim(uint32_t head_dim) {
  return (head_dim + kHeadDimStep - 1) / kHeadDimStep * kHeadDimStep;
}

uint64_t KvCache::BytesPerToken(const CacheShape& shape) {
  return (PageBytes(shape) + kPageTokens - 1) / kPageTokens;
}

Result<KvCache> KvCache::Create(const CacheShape& shape, uint64_t tokens) {
  const uint64_t pages = tokens / kPageTokens + (tokens % kPageTokens != 0);
  const uint64_t page_bytes = PageBytes(shape);
  if (pages > UINT32_MAX || (page_bytes != 0 && pages > (uint64_t{1} << 46) / page_bytes))
    return Fail(ErrorCode::kTooLarge,
                "a cache of " + std::to_string(tokens) +
                    " tokens does not fit in any memory; ask for less (--ctx)");
  KvCache cache(shape.format, PaddedDim(shape.head_dim), static_cast<uint32_t>(pages));
  cache.block_bytes_ = CacheBlockBytes(shape.format, cache.dim_);
  cache.page_bytes_ = page_bytes;
  size_t offset = 0;
  for (size_t layer = 0; layer < shape.kv_heads.size(); ++layer) {
    cache.layer_offset_.push_back(offset);
    offset += shape.kv_heads[layer] * 2 * cache.block_bytes_;
    cache.state_offset_.push_back(offset);
    offset += StateBytes(shape, layer);
  }
  INGLE_TRY(cache.memory_,
            MemoryRegion::Reserve(pages * page_bytes, "the cache of keys and values"));
  return cache;
}

uint8_t* KvCache::Block(uint32_t page, uint32_t layer, uint32_t head) const {
  return reinterpret_cast<uint8_t*>(memory_.data()) + page * page_bytes_ + layer_offset_[layer] +
         head * 2 * block_bytes_;
}

const uint8_t* KvCache::Keys(uint32_t page, uint32_t layer, uint32_t head) const {
  return Block(page, layer, head);
}
const uint8_t* KvCache::Values(uint32_t page, uint32_t layer, uint32_t head) const {
  return Block(page, layer, head) + block_bytes_;
}

float* KvCache::State(uint32_t page, uint32_t layer) const {
  return reinterpret_cast<float*>(memory_.data() + page * page_bytes_ + state_offset_[layer]);
}

void KvCache::StoreKey(uint32_t page, uint32_t layer, uint32_t head, uint32_t slot,
                       const float* key) {
  uint8_t* group = Block(page, layer, head) + slot / kGroupTokens * (block_bytes_ / 2);
  const uint32_t lane = slot % kGroupTokens;
  if (format_ == kCacheI8) return StoreKeyCodes(key, dim_, lane, group);
  if (format_ == kCacheF32) {
    auto* to = reinterpret_cast<float*>(group) + lane;
    for (uint32_t d = 0; d < dim_; ++d) to[d * kGroupTokens] = key[d];
    return;
  }
  auto* to = reinterpret_cast<uint32_t*>(group) + lane;
  for (uint32_t d = 0; d < dim_; d += 2)
    to[d / 2 * kGroupTokens] = ToBf16(key[d]) | uint32_t{ToBf16(key[d + 1])} << 16;
}

void KvCache::StoreValue(uint32_t page, uint32_t layer, uint32_t head, uint32_t slot,
                         const float* value) {
  uint8_t* block = Block(page, layer, head) + block_bytes_;
  if (format_ == kCacheI8) return StoreValueCodes(value, dim_, slot, block);
  if (format_ == kCacheF32) {
    std::memcpy(block + slot * dim_ * sizeof(float), value, dim_ * sizeof(float));
    return;
  }
  auto* to = reinterpret_cast<uint16_t*>(block) + slot / 2 * 2 * dim_ + slot % 2;
  for (uint32_t d = 0; d < dim_; ++d) to[2 * d] = ToBf16(value[d]);
}

}  // namespace ingle
