#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/architecture.h"

namespace ingle {
namespace {

// The pair that turns `turns` times within the original context (YaRN, arXiv 2309.00071, equation
// 17 solved for the pair's number).
double PairOfTurns(const RopeBlueprint& rope, double turns) {
  const double context = rope.original_context;
  return rope.dim * std::log(context / (turns * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
}

// How much of pair i keeps its own frequency: 1 for the fast pairs, 0 for the slow ones, a ramp
// between.
double KeptShare(const RopeBlueprint& rope, uint32_t pair) {
  const double first = PairOfTurns(rope, rope.beta_fast), last = PairOfTurns(rope, rope.beta_slow);
  const double low = std::max(0.0, rope.yarn_truncate ? std::floor(first) : first);
  const double high = std::min(rope.dim - 1.0, rope.yarn_truncate ? std::ceil(last) : last);
  return 1 - std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
}

// Llama 3.1: waves longer than the original context allows are stretched by `factor`, short ones
// not at all, and between the two bands it is a mix (transformers, _compute_llama3_parameters).
double Llama3Frequency(const RopeBlueprint& rope, double frequency) {
  const double turns = rope.original_context * frequency / (2 * std::numbers::pi);
  if (turns < rope.low_frequency) return frequency / rope.factor;
  if (turns > rope.high_frequency) return frequency;
  const double kept = (turns - rope.low_frequency) / (rope.high_frequency - rope.low_frequency);
  return (1 - kept) * frequency / rope.factor + kept * frequency;
}

}  // namespace

RopeTable MakeRopeTable(const RopeBlueprint& rope, std::span<const float> factors) {
  RopeTable table;
  for (uint32_t pair = 0; pair < rope.dim / 2; ++pair) {
    double frequency = std::pow(rope.theta, -2.0 * pair / rope.dim);
    if (!factors.empty()) frequency /= double{factors[pair]};
    if (rope.scaling == RopeScaling::kLlama3) frequency = Llama3Frequency(rope, frequency);
    const double kept = rope.scaling == RopeScaling::kYarn ? KeptShare(rope, pair) : 0.0;
    if (rope.scaling == RopeScaling::kYarn || rope.scaling == RopeScaling::kLinear)
      frequency *= kept + (1 - kept) / rope.factor;
    table.frequencies.push_back(frequency);
  }
  table.magnitude = rope.attention_factor;
  if (rope.scaling == RopeScaling::kYarn)
    table.magnitude *= 1 + rope.yarn_magnitude * std::log(rope.factor);
  return table;
}

}  // namespace ingle
