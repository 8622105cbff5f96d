#pragma once
// Milliseconds that never jump.

#include <chrono>
#include <cstdint>

namespace ingle {

inline int64_t SteadyMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace ingle
