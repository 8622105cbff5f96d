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
  const double low = std::max(0.0, std::floor(PairOfTurns(rope, rope.beta_fast)));
  const double high = std::min(rope.dim - 1.0, std::ceil(PairOfTurns(rope, rope.beta_slow)));
  return 1 - std::clamp((pair - low) / std::max(0.001, high - low), 0.0, 1.0);
}

}  // namespace

RopeTable MakeRopeTable(const RopeBlueprint& rope, std::span<const float> factors) {
  RopeTable table;
  for (uint32_t pair = 0; pair < rope.dim / 2; ++pair) {
    double frequency = std::pow(rope.theta, -2.0 * pair / rope.dim);
    if (!factors.empty()) frequency /= double{factors[pair]};
    const double kept = rope.scaling == RopeScaling::kYarn ? KeptShare(rope, pair) : 0.0;
    table.frequencies.push_back(frequency * (kept + (1 - kept) / rope.factor));
  }
  table.magnitude = rope.attention_factor;
  if (rope.scaling == RopeScaling::kYarn) table.magnitude *= 1 + 0.1 * std::log(rope.factor);
  return table;
}

}  // namespace ingle
