#pragma once
// Counts of the tokens among the last n of a sequence, prompt included, as llama.cpp counts them.

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace ingle {

class PenaltyWindow {
 public:
  explicit PenaltyWindow(size_t capacity) : capacity_(capacity) {}

  void Push(int32_t token) {
    if (capacity_ == 0) return;
    ++counts_[token];
    if (ring_.size() < capacity_) {
      ring_.push_back(token);
      return;
    }
    auto oldest = counts_.find(ring_[next_]);
    if (--oldest->second == 0) counts_.erase(oldest);
    ring_[next_] = token;
    next_ = (next_ + 1) % capacity_;
  }
  // Iterate only for effects that do not depend on the order.
  const std::unordered_map<int32_t, uint32_t>& counts() const { return counts_; }

 private:
  size_t capacity_;
  size_t next_ = 0;
  std::vector<int32_t> ring_;
  std::unordered_map<int32_t, uint32_t> counts_;
};

}  // namespace ingle
