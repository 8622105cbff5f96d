// Q4_K, Q5_K and Q6_K. A group's scale is searched: some candidates around the one that the range
// of its weights suggests, each with the codes it gives and then the scale (and minimum) of least
// squares for these codes.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "formats/blocks.h"
#include "formats/half.h"
#include "formats/quantize.h"

namespace ingle {
namespace {

constexpr float kNothing = 1e-15f;  // A group whose largest weight is less is zero.

// To the nearest whole number, ties to even, for |value| < 2^22: beyond 2^23 floats are whole.
inline float Nearest(float value) {
  constexpr float kWhole = 12582912.0f;  // 1.5 * 2^23
  return (value + kWhole) - kWhole;
}
inline float Clamp(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

// Of the eight groups of a block with minimums: w = scale * q - offset; neither is negative.
constexpr uint32_t kGroups = 8, kSize = 32;
using Lanes = std::array<float, kGroups>;  // One number per group: all are searched at once.

struct Affine {
  Lanes scale{}, offset{};
};

// What a type looks at: codes from 0 to `levels`, and `candidates` ranges of
// levels + first + 0.1 * c codes. A candidate begins at the minimum that the best one so far found.
struct AffineSearch {
  float levels, first;
  uint32_t candidates;

  Affine Fit(const float* x) const;
};

// A block's weights by position within their group, and what their errors count.
struct WeightedBlock {
  Lanes x[kSize], weight[kSize];
  Lanes low{}, high{}, sum_weight{}, sum_x{};

  explicit WeightedBlock(const float* weights) {
    Lanes squares{};
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t g = 0; g < kGroups; ++g) {
        const float value = weights[g * kSize + i];
        x[i][g] = value;
        low[g] = std::min(low[g], value);
        high[g] = i == 0 ? value : std::max(high[g], value);
        squares[g] += value * value;
      }
    }
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t g = 0; g < kGroups; ++g) {
        weight[i][g] = std::sqrt(squares[g] / static_cast<float>(kSize)) + std::fabs(x[i][g]);
        sum_weight[g] += weight[i][g];
        sum_x[g] += weight[i][g] * x[i][g];
      }
    }
  }

  // Codes are whole(inverse * (x - low)), from 0 to levels.
  Lanes Errors(float levels, const Lanes& from, const Lanes& inverse, const Lanes& scale,
               const Lanes& minimum) const {
    Lanes error{};
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t g = 0; g < kGroups; ++g) {
        const float q = Clamp(Nearest(inverse[g] * (x[i][g] - from[g])), 0, levels);
        const float difference = scale[g] * q + minimum[g] - x[i][g];
        error[g] += weight[i][g] * (difference * difference);
      }
    }
    return error;
  }

  // Scale and minimum of least squares for these codes. solved: there is such a pair.
  void Solve(float levels, const Lanes& from, const Lanes& inverse, Lanes& scale, Lanes& minimum,
             std::array<bool, kGroups>& solved) const {
    Lanes sum_q{}, sum_qq{}, sum_qx{};
    for (uint32_t i = 0; i < kSize; ++i) {
      for (uint32_t g = 0; g < kGroups; ++g) {
        const float q = Clamp(Nearest(inverse[g] * (x[i][g] - from[g])), 0, levels);
        const float wq = weight[i][g] * q;
        sum_q[g] += wq;
        sum_qq[g] += wq * q;
        sum_qx[g] += wq * x[i][g];
      }
    }
    for (uint32_t g = 0; g < kGroups; ++g) {
      const float determinant = sum_weight[g] * sum_qq[g] - sum_q[g] * sum_q[g];
      solved[g] = determinant > 0;
      scale[g] = (sum_weight[g] * sum_qx[g] - sum_x[g] * sum_q[g]) / determinant;
      minimum[g] = (sum_qq[g] * sum_x[g] - sum_q[g] * sum_qx[g]) / determinant;
      if (minimum[g] <= 0) continue;
      minimum[g] = 0;  // What is stored cannot lie above zero.
      scale[g] = sum_qx[g] / sum_qq[g];
    }
  }
};

Affine AffineSearch::Fit(const float* x) const {
  const WeightedBlock block(x);
  Lanes low = block.low, inverse, scale, minimum;
  for (uint32_t g = 0; g < kGroups; ++g) {
    inverse[g] = levels / (block.high[g] - low[g]);
    scale[g] = 1 / inverse[g];
  }
  Affine best{scale, {}};
  Lanes least = block.Errors(levels, low, inverse, scale, low);
  for (uint32_t c = 0; c < candidates; ++c) {
    std::array<bool, kGroups> solved;
    for (uint32_t g = 0; g < kGroups; ++g)
      inverse[g] = (first + 0.1f * static_cast<float>(c) + levels) / (block.high[g] - low[g]);
    block.Solve(levels, low, inverse, scale, minimum, solved);
    const Lanes error = block.Errors(levels, low, inverse, scale, minimum);
    for (uint32_t g = 0; g < kGroups; ++g) {
      if (!solved[g] || !(error[g] < least[g])) continue;
      least[g] = error[g];
      best.scale[g] = scale[g];
      low[g] = minimum[g];
    }
  }
  for (uint32_t g = 0; g < kGroups; ++g) {
    if (block.high[g] == block.low[g]) best.scale[g] = 0;  // All weights are equal.
    best.offset[g] = -low[g];
  }
  return best;
}

constexpr AffineSearch kSearchQ4{.levels = 15, .first = -1.0f, .candidates = 21};
constexpr AffineSearch kSearchQ5{.levels = 31, .first = -0.5f, .candidates = 16};

void PackScaleMin(uint32_t group, uint32_t scale, uint32_t offset, uint8_t* scales) {
  if (group < 4) {
    scales[group] = static_cast<uint8_t>(scales[group] | scale);
    scales[group + 4] = static_cast<uint8_t>(scales[group + 4] | offset);
    return;
  }
  scales[group + 4] = static_cast<uint8_t>((scale & 15) | (offset & 15) << 4);
  scales[group - 4] = static_cast<uint8_t>(scales[group - 4] | (scale >> 4) << 6);
  scales[group] = static_cast<uint8_t>(scales[group] | (offset >> 4) << 6);
}

uint32_t SixBits(float value) { return static_cast<uint32_t>(Clamp(Nearest(value), 0, 63)); }

// Fills d, dmin and scales of a Q4_K or Q5_K block; codes: those of all 256 weights.
template <class Block>
void EncodeAffine(const float* x, const AffineSearch& search, Block& block, uint8_t* codes) {
  const Affine fit = search.Fit(x);
  const float scale_max = std::max(0.0f, *std::ranges::max_element(fit.scale));
  const float offset_max = std::max(0.0f, *std::ranges::max_element(fit.offset));
  block.d = F32ToF16(scale_max / 63.0f);
  block.dmin = F32ToF16(offset_max / 63.0f);
  const float d = F16ToF32(block.d), dmin = F16ToF32(block.dmin);
  const float inverse_scale = d > 0 ? 63.0f / scale_max : 0.0f;
  const float inverse_offset = dmin > 0 ? 63.0f / offset_max : 0.0f;
  for (uint32_t g = 0; g < kGroups; ++g) {
    const uint32_t scale = SixBits(inverse_scale * fit.scale[g]);
    const uint32_t offset = SixBits(inverse_offset * fit.offset[g]);
    PackScaleMin(g, scale, offset, block.scales);
    const float step = d * static_cast<float>(scale), minimum = dmin * static_cast<float>(offset);
    for (uint32_t i = 0; i < kSize; ++i) {
      const float q = step == 0 ? 0.0f : Nearest((x[g * kSize + i] + minimum) / step);
      codes[g * kSize + i] = static_cast<uint8_t>(Clamp(q, 0, search.levels));
    }
  }
}

void EncodeBlock(const float* x, BlockQ4_K& block) {
  uint8_t codes[kSuperBlock];
  EncodeAffine(x, kSearchQ4, block, codes);
  for (uint32_t i = 0; i < sizeof(block.q); ++i) {
    const uint32_t first = i / 32 * 64 + i % 32;
    block.q[i] = static_cast<uint8_t>(codes[first] | codes[first + 32] << 4);
  }
}

void EncodeBlock(const float* x, BlockQ5_K& block) {
  uint8_t codes[kSuperBlock];
  EncodeAffine(x, kSearchQ5, block, codes);
  for (uint32_t i = 0; i < sizeof(block.q); ++i) {
    const uint32_t first = i / 32 * 64 + i % 32;
    block.q[i] = static_cast<uint8_t>((codes[first] & 15) | (codes[first + 32] & 15) << 4);
  }
  for (uint32_t i = 0; i < kSuperBlock; ++i) {
    block.high[i % 32] = static_cast<uint8_t>(block.high[i % 32] | (codes[i] >> 4) << (i / 32));
  }
}

// The scale of least squares, weighted by the squares of the weights, for codes from -32 to 31.
float FitScale(const float* x) {
  constexpr uint32_t kEach = 16, kLanes = 20, kCandidates = 19;
  float extreme = 0;
  for (uint32_t i = 0; i < kEach; ++i)
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  if (std::fabs(extreme) < kNothing) return 0;
  std::array<float, kLanes> inverse{}, qx{}, qq{};
  // Lane 0 is the range itself; of candidates that are as good the first one stays.
  for (uint32_t c = 0; c < kLanes; ++c) {
    const int lane = static_cast<int>(std::min(c, kCandidates - 1));
    const int wider = lane == 0 ? 0 : lane <= 9 ? lane - 10 : lane - 9;
    inverse[c] = -(32.0f + 0.1f * static_cast<float>(wider)) / extreme;
  }
  for (uint32_t i = 0; i < kEach; ++i) {
    const float value = x[i], weight = value * value;
    for (uint32_t c = 0; c < kLanes; ++c) {
      const float q = Clamp(Nearest(inverse[c] * value), -32, 31);
      qx[c] += weight * value * q;
      qq[c] += weight * q * q;
    }
  }
  float scale = qq[0] > 0 ? qx[0] / qq[0] : 0.0f, best = scale * qx[0];
  for (uint32_t c = 1; c < kCandidates; ++c) {
    if (!(qq[c] > 0 && qx[c] * qx[c] > best * qq[c])) continue;
    scale = qx[c] / qq[c];
    best = scale * qx[c];
  }
  return scale;
}

void EncodeBlock(const float* x, BlockQ6_K& block) {
  constexpr uint32_t kCount = 16, kEach = 16;
  float scales[kCount], extreme = 0;
  for (uint32_t g = 0; g < kCount; ++g) {
    scales[g] = FitScale(x + g * kEach);
    if (std::fabs(scales[g]) > std::fabs(extreme)) extreme = scales[g];
  }
  if (std::fabs(extreme) < kNothing) return;
  const float inverse = -128.0f / extreme;
  block.d = F32ToF16(1 / inverse);
  const float d = F16ToF32(block.d);
  uint8_t codes[kSuperBlock];
  for (uint32_t g = 0; g < kCount; ++g) {
    const float scale = Clamp(Nearest(inverse * scales[g]), -128, 127), step = d * scale;
    block.scales[g] = static_cast<int8_t>(scale);
    for (uint32_t i = g * kEach; i < (g + 1) * kEach; ++i) {
      const float q = step == 0 ? 0.0f : Nearest(x[i] / step);
      codes[i] = static_cast<uint8_t>(Clamp(q, -32, 31) + 32);
    }
  }
  for (uint32_t i = 0; i < sizeof(block.low); ++i) {
    const uint32_t first = i / 64 * 128 + i % 64;
    block.low[i] = static_cast<uint8_t>((codes[first] & 15) | (codes[first + 64] & 15) << 4);
  }
  for (uint32_t i = 0; i < kSuperBlock; ++i) {
    uint8_t& high = block.high[i / 128 * 32 + i % 32];
    high = static_cast<uint8_t>(high | (codes[i] >> 4) << (i / 32 % 4 * 2));
  }
}

template <class Block>
void EncodeBlocks(const float* weights, size_t count, std::byte* out) {
  for (size_t i = 0; i < count; i += kSuperBlock, out += sizeof(Block)) {
    Block block{};
    EncodeBlock(weights + i, block);
    std::memcpy(out, &block, sizeof(Block));
  }
}

}  // namespace

void QuantizeQ4_K(const float* weights, size_t count, std::byte* out) {
  EncodeBlocks<BlockQ4_K>(weights, count, out);
}
void QuantizeQ5_K(const float* weights, size_t count, std::byte* out) {
  EncodeBlocks<BlockQ5_K>(weights, count, out);
}
void QuantizeQ6_K(const float* weights, size_t count, std::byte* out) {
  EncodeBlocks<BlockQ6_K>(weights, count, out);
}

}  // namespace ingle
