#pragma once
// Norms, activation functions and the rotary embedding: the part of the table that works on one
// token's vector. Sums run in 16 lanes by index modulo 16, joined in one fixed tree; exp is one
// polynomial. So every instruction set gives the same bits, and no function here calls the C
// library.

#include <cstddef>
#include <cstdint>

namespace ingle {

inline constexpr size_t kFindRun = 16;

struct ElementwiseKernels {
  // y = x * (1 / sqrt(mean(x * x) + epsilon)) * weight. y may be x.
  void (*rms_norm)(const float* x, const float* weight, uint32_t n, float epsilon, float* y);
  // y = (x - mean(x)) * (1 / sqrt(mean((x - mean(x))^2) + epsilon)) * weight + bias. y may be x.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, uint32_t n,
                     float epsilon, float* y);
  // y = gate / (1 + exp(-gate)) * up
  void (*silu_multiply)(const float* gate, const float* up, uint32_t n, float* y);
  // y = gelu(gate) * up, with gelu(x) = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
  void (*gelu_tanh_multiply)(const float* gate, const float* up, uint32_t n, float* y);
  // y = x / (1 + exp(-x)), and gelu(x). y may be x.
  void (*silu)(const float* x, uint32_t n, float* y);
  void (*gelu_tanh)(const float* x, uint32_t n, float* y);
  // x = cap * tanh(x / cap)
  void (*softcap)(float* x, float cap, uint32_t n);
  // x = 1 / (1 + exp(-x))
  void (*sigmoid)(float* x, uint32_t n);
  // x = exp(x - max(x)) / sum of these
  void (*softmax)(float* x, uint32_t n);
  float (*dot)(const float* x, const float* y, uint32_t n);
  // y[r] = dot(x, rows + r * n, n) for `count` rows, the same bits sooner.
  void (*dot_rows)(const float* x, const float* rows, uint32_t n, uint32_t count, float* y);
  // y = x * w; and y += x * w, fused.
  void (*multiply)(const float* x, const float* w, uint32_t n, float* y);
  void (*multiply_add)(const float* x, const float* w, uint32_t n, float* y);
  // y += x * factor, fused.
  void (*add_scaled)(float* y, const float* x, float factor, uint32_t n);
  // x += y
  void (*add)(float* x, const float* y, uint32_t n);
  // x *= factor
  void (*scale)(float* x, float factor, uint32_t n);
  // Rotates pairs (x[i], x[i + pairs]) by the angles whose cosines and sines are given: [pairs]
  // each.
  void (*rope_split_halves)(float* x, const float* cosines, const float* sines, uint32_t pairs);
  // The same for pairs (x[2i], x[2i + 1]).
  void (*rope_adjacent_pairs)(float* x, const float* cosines, const float* sines, uint32_t pairs);
  // Where the first number in x[begin, n) above `bar` is, or NaN: the start of that run of
  // kFindRun, counted from `begin`; n if there is none. A last, shorter run counts as if it had
  // one.
  size_t (*find_above)(const float* x, size_t begin, size_t n, float bar);
};

}  // namespace ingle
