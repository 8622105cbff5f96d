#pragma once
// Hands out pages of the cache by number. A page holds kPageTokens tokens of one sequence, for all
// layers.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ingle {

class PagePool {
 public:
  explicit PagePool(uint32_t pages);

  uint32_t capacity() const { return capacity_; }
  uint32_t free_pages() const { return capacity_ - used_; }

  // Appends `count` pages to `to`, or changes nothing and returns false when there are not so many.
  [[nodiscard]] bool Take(uint32_t count, std::vector<uint32_t>& to);
  // Gives back the pages of `from` beyond the first `keep`.
  void Return(std::vector<uint32_t>& from, size_t keep);

 private:
  uint32_t capacity_, used_ = 0;
  uint32_t fresh_ = 0;  // Pages from here on were never used: their memory is not touched yet.
  std::vector<uint32_t> returned_;  // Used again first, last in first out.
};

}  // namespace ingle
