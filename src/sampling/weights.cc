#include "sampling/weights.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

namespace ingle {
namespace {

constexpr size_t kLanes = 4;  // One baseline vector register.
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));

// exp(x) for -87 <= x <= 0, about one ulp. The polynomial is Cephes' expf (Moshier): x = n ln 2 + r
// with ln 2 in two parts, then degree 5 in r. Only +, -, * on floats: every machine gives the same
// bits.
Floats ExpLanes(Floats x) {
  constexpr float kRound =
      12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits.
  Floats shifted = x * 1.44269504088896341f + kRound;
  Floats n = shifted - kRound;
  Floats r = x - n * 0.693359375f - n * -2.12194440e-4f;
  Floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127) << 23;  // 2^n; the magic number's own bits leave through the top.
  Floats scale;
  std::memcpy(&scale, &bits, sizeof scale);
  return p * scale;
}

// x beyond the range gives zero; so does -infinity.
void WeighLanes(const float* x, float largest, uint64_t* out) {
  Floats v;
  std::memcpy(&v, x, sizeof v);
  v = v - largest;
  Ints inside = v >= -kWeightRange;
  Floats bounded = inside ? v : Floats{} - kWeightRange;
  Floats e = ExpLanes(bounded);
  Ints bits;
  std::memcpy(&bits, &e, sizeof bits);
  bits &= inside;
  std::memcpy(&e, &bits, sizeof e);
  for (size_t i = 0; i < kLanes; ++i)
    out[i] = static_cast<uint64_t>(static_cast<int64_t>(e[i] * 0x1p44f));
}

}  // namespace

void ExpWeights(std::span<const float> x, std::span<uint64_t> out) {
  size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) WeighLanes(&x[i], 0.0f, &out[i]);
  if (i == x.size()) return;
  std::array<float, kLanes> tail;
  std::array<uint64_t, kLanes> weights;
  tail.fill(-INFINITY);
  std::copy(x.begin() + static_cast<ptrdiff_t>(i), x.end(), tail.begin());
  WeighLanes(tail.data(), 0.0f, weights.data());
  std::copy_n(weights.begin(), x.size() - i, out.begin() + static_cast<ptrdiff_t>(i));
}

uint64_t SumWeights(std::span<const float> logits, float largest) {
  std::array<uint64_t, kLanes> weights;
  uint64_t sum = 0;
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    WeighLanes(&logits[i], largest, weights.data());
    for (uint64_t weight : weights) sum += weight;
  }
  std::array<float, kLanes> tail;
  tail.fill(-INFINITY);
  std::copy(logits.begin() + static_cast<ptrdiff_t>(i), logits.end(), tail.begin());
  WeighLanes(tail.data(), largest, weights.data());
  for (uint64_t weight : weights) sum += weight;
  return sum;
}

double NaturalLog(double x) {
  int exponent;
  double m = std::frexp(x, &exponent);  // Exact; m in [0.5, 1).
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  // ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| < 0.172: terms fall below 2^-53 after s^19.
  double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * s2 + 1.0 / k;
  return exponent * 0.69314718055994530942 + 2 * s * sum;
}

}  // namespace ingle
