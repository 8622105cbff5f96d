#include "cache/page_pool.h"

namespace ingle {

PagePool::PagePool(uint32_t pages) : capacity_(pages) {}

bool PagePool::Take(uint32_t count, std::vector<uint32_t>& to) {
  if (count > free_pages()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (returned_.empty()) {
      to.push_back(fresh_++);
    } else {
      to.push_back(returned_.back());
      returned_.pop_back();
    }
  }
  used_ += count;
  return true;
}

void PagePool::Return(std::vector<uint32_t>& from, size_t keep) {
  while (from.size() > keep) {
    returned_.push_back(from.back());
    from.pop_back();
    --used_;
  }
}

}  // namespace ingle
