#pragma once
// Keys and values of every cached token: the memory of all pages, and where in it a layer's heads
// lie. Layouts are those of kernels/attention.h.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "cache/page_pool.h"
#include "kernels/attention.h"
#include "os/memory_region.h"

namespace ingle {

struct CacheShape {
  CacheFormat format = kCacheBf16;
  uint32_t head_dim = 0;
  std::vector<uint32_t> kv_heads;  // Per layer.
  // Per layer, or empty: floats of recurrent state as of a page's last token, kept in the page. So
  // a sequence's state lies in its last page, and each full page holds what whoever continues
  // behind it needs.
  std::vector<uint32_t> state_floats = {};
};

class KvCache {
 public:
  // Room for `tokens` tokens, rounded up to whole pages. Memory is taken as pages are first used.
  static Result<KvCache> Create(const CacheShape& shape, uint64_t tokens);
  // Rounded up, where a page's state does not divide evenly.
  static uint64_t BytesPerToken(const CacheShape& shape);
  // head_dim rounded up to what the attention kernels take; the elements added are zero.
  static uint32_t PaddedDim(uint32_t head_dim);

  PagePool& pool() { return pool_; }
  const PagePool& pool() const { return pool_; }
  uint32_t padded_dim() const { return dim_; }
  CacheFormat format() const { return format_; }

  const uint8_t* Keys(uint32_t page, uint32_t layer, uint32_t head) const;
  const uint8_t* Values(uint32_t page, uint32_t layer, uint32_t head) const;
  // key, value: [padded_dim] of the page's token number `slot`.
  void StoreKey(uint32_t page, uint32_t layer, uint32_t head, uint32_t slot, const float* key);
  void StoreValue(uint32_t page, uint32_t layer, uint32_t head, uint32_t slot, const float* value);
  // [state_floats of the layer]
  float* State(uint32_t page, uint32_t layer) const;

 private:
  KvCache(CacheFormat format, uint32_t dim, uint32_t pages)
      : format_(format), dim_(dim), pool_(pages) {}
  uint8_t* Block(uint32_t page, uint32_t layer, uint32_t head) const;

  CacheFormat format_;
  uint32_t dim_;
  size_t block_bytes_ = 0;  // Keys (or values) of one page, layer and head.
  size_t page_bytes_ = 0;
  // Within a page; a head's keys come first, then its values, after all heads the layer's state.
  std::vector<size_t> layer_offset_, state_offset_;
  PagePool pool_;
  MemoryRegion memory_;
};

}  // namespace ingle
