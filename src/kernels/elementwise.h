#pragma once
// Norms, activation functions and the rotary embedding: the part of the table that works on one
// token's vector. Sums run in 16 lanes by index modulo 16, joined in one fixed tree; exp is one
// polynomial. So every instruction set gives the same bits, and no function here calls the C
// library.

#include <cstddef>
#include <cstdint>

namespace ingle {

struct ElementwiseKernels {
  // y = x * (1 / sqrt(mean(x * x) + epsilon)) * weight. y may be x.
  void (*rms_norm)(const float* x, const float* weight, uint32_t n, float epsilon, float* y);
  // y = gate / (1 + exp(-gate)) * up
  void (*silu_multiply)(const float* gate, const float* up, uint32_t n, float* y);
  // x += y
  void (*add)(float* x, const float* y, uint32_t n);
  // x *= factor
  void (*scale)(float* x, float factor, uint32_t n);
  // Rotates pairs (x[i], x[i + pairs]) by the angles whose cosines and sines are given: [pairs]
  // each.
  void (*rope_split_halves)(float* x, const float* cosines, const float* sines, uint32_t pairs);
  // The same for pairs (x[2i], x[2i + 1]).
  void (*rope_adjacent_pairs)(float* x, const float* cosines, const float* sines, uint32_t pairs);
};

}  // namespace ingle
