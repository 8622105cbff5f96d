#pragma once
// Which sums of a scale group fit into 16 bits.
//
// A group's sum is that of products of codes, less their zero if there is one, and activations. One
// instruction that multiplies words and adds (VPDPWSSD) both scales and adds it where 16 bits hold
// it; else that takes a multiplication of 32 bits (two steps on Intel's processors) and an
// addition. The activations' bounds say which: it is the rule that it fits, and the result is the
// same.

#include <cstddef>
#include <cstdint>

#include "kernels/bricks.h"

namespace ingle {
namespace {

inline constexpr uint32_t kWordMost = INT16_MAX;

// Codes of 0 to 15 and of 0 to 31, groups of 32; of -32 to 31, groups of 16.
inline bool FitsWords(const BrickQ4_K*, const ActivationQ8x256& a) {
  return a.most32 <= kWordMost / 15;
}
inline bool FitsWords(const BrickQ5_K*, const ActivationQ8x256& a) {
  return a.most32 <= kWordMost / 31;
}
inline bool FitsWords(const BrickQ6_K*, const ActivationQ8x256& a) {
  return a.most16 <= kWordMost / 32;
}
// Codes of 0 to 3 and of -4 to 3, groups of 16.
[[maybe_unused]] inline bool FitsWords(const void*, const ActivationQ8x256&) { return true; }

// Of T tokens.
template <class Brick, uint32_t T>
inline bool FitWords(const uint8_t* activations, size_t stride) {
  bool fit = true;
#pragma GCC unroll 8
  for (uint32_t t = 0; t < T; ++t) {
    const auto& a = *reinterpret_cast<const ActivationQ8x256*>(activations + t * stride);
    fit &= FitsWords(static_cast<const Brick*>(nullptr), a);
  }
  return fit;
}

}  // namespace
}  // namespace ingle
