#pragma once
// Probabilities as integers: exp(x) in units of 2^-44. Integer sums do not depend on their order.

#include <cstdint>
#include <span>
#include <vector>

namespace ingle {

inline constexpr int kWeightBits = 44;
// exp(-kWeightRange) is below one unit: such a token has weight zero.
inline constexpr float kWeightRange = 31.0f;

// out[i] = exp(x[i]) in units of 2^-44, for x[i] <= 0. Weights of up to 2^19 tokens sum without
// overflow.
void ExpWeights(std::span<const float> x, std::span<uint64_t> out);
// The sum of the weights of exp(logits[i] - largest).
uint64_t SumWeights(std::span<const float> logits, float largest);

// Natural logarithm of x > 0, the same bits on every machine (libm's depend on the CPU).
double NaturalLog(double x);

}  // namespace ingle
