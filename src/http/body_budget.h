#pragma once
// How much of the bodies of all requests is in memory, against clients that send many large ones
// halfway.

#include <atomic>
#include <cstddef>

namespace ingle {

class BodyBudget {
 public:
  explicit BodyBudget(size_t bytes) : left_(bytes) {}

  // Any thread. All of it or, when there is less, nothing.
  bool Take(size_t bytes) {
    size_t left = left_;
    while (bytes <= left)
      if (left_.compare_exchange_weak(left, left - bytes)) return true;
    return false;
  }
  void Give(size_t bytes) { left_ += bytes; }
  size_t left() const { return left_; }

 private:
  std::atomic<size_t> left_;
};

// One request's share, given back at the end. The first `free` bytes are not counted.
class BodyCharge {
 public:
  BodyCharge(BodyBudget* budget, size_t free) : budget_(budget), free_(free) {}
  ~BodyCharge() { Release(); }
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;

  // The body has this many bytes now; false: there is no room for them.
  bool Grow(size_t body_bytes) {
    const size_t counted = body_bytes > free_ ? body_bytes - free_ : 0;
    if (counted <= taken_) return true;
    if (!budget_->Take(counted - taken_)) return false;
    taken_ = counted;
    return true;
  }
  void Release() {
    budget_->Give(taken_);
    taken_ = 0;
  }

 private:
  BodyBudget* const budget_;
  const size_t free_;
  size_t taken_ = 0;
};

}  // namespace ingle
