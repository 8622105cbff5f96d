#pragma once
// Hands out pages of the cache by number. A page holds kPageTokens tokens of one sequence, for all
// layers; several sequences that begin alike may use the same full page. A page that a prefix index
// keeps (see prefix_index.h) stays as it is when its last user goes: it is idle, and counts as
// free because the index can let go of it.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ingle {

class PagePool {
 public:
  explicit PagePool(uint32_t pages);

  uint32_t capacity() const { return capacity_; }
  uint32_t free_pages() const { return capacity_ - used_; }            // Idle ones included.
  uint32_t unused_pages() const { return capacity_ - used_ - idle_; }  // What Take can give.

  // Appends `count` pages to `to`, each with one user, or changes nothing and returns false when
  // there are not so many unused ones.
  [[nodiscard]] bool Take(uint32_t count, std::vector<uint32_t>& to);
  // One more user of a page that has users or is idle.
  void Share(uint32_t page);
  // Takes a user from each of the pages of `from` beyond the first `keep`.
  void Return(std::vector<uint32_t>& from, size_t keep);
  void Return(uint32_t page);

  // An index keeps a page that has users; and lets go of one.
  void Keep(uint32_t page) { pages_[page].kept = true; }
  void LetGo(uint32_t page);
  bool idle(uint32_t page) const { return pages_[page].kept && pages_[page].users == 0; }

 private:
  struct Page {
    uint32_t users = 0;
    bool kept = false;
  };

  uint32_t capacity_, used_ = 0, idle_ = 0;
  std::vector<Page> pages_;         // Those that were ever used: their memory is touched.
  std::vector<uint32_t> returned_;  // Used again first, last in first out.
};

}  // namespace ingle
