#include "cache/page_pool.h"

namespace ingle {

PagePool::PagePool(uint32_t pages) : capacity_(pages) {}

bool PagePool::Take(uint32_t count, std::vector<uint32_t>& to) {
  if (count > unused_pages()) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (returned_.empty()) {
      to.push_back(static_cast<uint32_t>(pages_.size()));
      pages_.push_back({});
    } else {
      to.push_back(returned_.back());
      returned_.pop_back();
    }
    pages_[to.back()].users = 1;
  }
  used_ += count;
  return true;
}

void PagePool::Share(uint32_t page) {
  if (pages_[page].users++ > 0) return;
  --idle_;
  ++used_;
}

void PagePool::Return(uint32_t page) {
  if (--pages_[page].users > 0) return;
  --used_;
  if (pages_[page].kept)
    ++idle_;
  else
    returned_.push_back(page);
}

void PagePool::Return(std::vector<uint32_t>& from, size_t keep) {
  while (from.size() > keep) {
    Return(from.back());
    from.pop_back();
  }
}

void PagePool::LetGo(uint32_t page) {
  if (idle(page)) {
    --idle_;
    returned_.push_back(page);
  }
  pages_[page].kept = false;
}

}  // namespace ingle
