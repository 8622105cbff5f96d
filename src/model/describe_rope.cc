// The rotary embedding: which elements turn, how fast, and what happens past the trained context.

#include <algorithm>
#include <cmath>

#include "model/describe.h"

namespace ingle {
namespace {

constexpr Key kTheta{"{a}.rope.freq_base", "{rope}rope_theta", "rope_theta"};
constexpr Key kLocalTheta{"{a}.rope.freq_base_swa", "rope_parameters.sliding_attention.rope_theta",
                          "rope_local_base_freq"};
constexpr Key kLocalType{"", "rope_parameters.sliding_attention.rope_type"};
constexpr Key kRopeDim{"{a}.rope.dimension_count", ""};
constexpr Key kPartial{"", "{rope}partial_rotary_factor", "partial_rotary_factor"};
constexpr Key kType{"{a}.rope.scaling.type", "{rope}rope_type", "{rope}type"};
constexpr Key kFactor{"{a}.rope.scaling.factor", "{rope}factor"};
constexpr Key kLinearFactor{"{a}.rope.scale_linear", ""};  // What old files call it.
constexpr Key kOriginalContext{"{a}.rope.scaling.original_context_length",
                               "original_max_position_embeddings",
                               "{rope}original_max_position_embeddings"};
constexpr Key kAttentionFactor{"{a}.rope.scaling.attn_factor", "{rope}attention_factor"};
constexpr Key kBetaFast{"{a}.rope.scaling.yarn_beta_fast", "{rope}beta_fast"};
constexpr Key kBetaSlow{"{a}.rope.scaling.yarn_beta_slow", "{rope}beta_slow"};
constexpr Key kMagnitude{"", "{rope}mscale"}, kMagnitudeAll{"", "{rope}mscale_all_dim"};
constexpr Key kTruncate{"", "{rope}truncate"};
constexpr Key kLowFrequency{"", "{rope}low_freq_factor"},
    kHighFrequency{"", "{rope}high_freq_factor"};
constexpr Key kShortFactors{"", "{rope}short_factor"}, kLongFactors{"", "{rope}long_factor"};

// In GGUF a factor multiplies what YaRN asks for; in a config.json it takes its place.
Status DescribeYarn(const KeyReader& keys, uint32_t context, RopeBlueprint& rope) {
  if (keys.is_hf()) {
    INGLE_TRY(rope.original_context, keys.SizeOr(kOriginalContext, context, kContextMax));
  } else {
    INGLE_TRY(rope.original_context, keys.RequiredSize(kOriginalContext, kContextMax));
  }
  INGLE_TRY(rope.beta_fast, keys.RealOr(kBetaFast, rope.beta_fast, 1e-3, 1e6));
  INGLE_TRY(rope.beta_slow, keys.RealOr(kBetaSlow, rope.beta_slow, 1e-3, 1e6));
  if (!keys.is_hf()) return {};
  INGLE_TRY(rope.yarn_truncate, keys.TruthOr(kTruncate, true));
  if (keys.Has(kAttentionFactor)) {
    rope.yarn_magnitude = 0;
    return {};
  }
  INGLE_TRY(const double own, keys.RealOr(kMagnitude, 0, 0, 1e3));
  INGLE_TRY(const double all, keys.RealOr(kMagnitudeAll, 0, 0, 1e3));
  if (own == 0 || all == 0) return {};
  const double log = std::log(rope.factor);
  rope.attention_factor = (1 + 0.1 * own * log) / (1 + 0.1 * all * log);
  rope.yarn_magnitude = 0;
  return {};
}

Status DescribeLlama3(const KeyReader& keys, uint32_t context, RopeBlueprint& rope) {
  INGLE_TRY(rope.original_context, keys.SizeOr(kOriginalContext, context, kContextMax));
  INGLE_TRY(rope.low_frequency, keys.RealOr(kLowFrequency, 1, 1e-3, 1e6));
  INGLE_TRY(rope.high_frequency, keys.RealOr(kHighFrequency, 4, 1e-3, 1e6));
  if (rope.high_frequency > rope.low_frequency) return {};
  return Contradiction(keys.Name(kHighFrequency),
                       "must be more than '" + keys.Name(kLowFrequency) + "'.");
}

Result<std::vector<float>> Factors(const KeyReader& keys, Key key, uint32_t pairs) {
  const std::string name = keys.Name(key);
  INGLE_TRY(const auto numbers, keys.metadata().Numbers(name));
  if (numbers.size() != pairs)
    return Contradiction(name, "lists " + std::to_string(numbers.size()) + " factors for " +
                                   std::to_string(pairs) + " pairs.");
  for (const double number : numbers)
    if (!(number > 0 && number < 1e9))
      return Contradiction(name, "holds " + NumberText(number) + "; factors are positive.");
  return std::vector<float>(numbers.begin(), numbers.end());
}

// LongRoPE. In GGUF the factors are tensors, and the magnitude is a key.
Status DescribeLongRope(const KeyReader& keys, uint32_t context, RopeBlueprint& rope) {
  rope.scaling = RopeScaling::kLongRope;
  INGLE_TRY(rope.original_context, keys.SizeOr(kOriginalContext, context, kContextMax));
  if (!keys.is_hf()) return {};
  INGLE_TRY(rope.short_factors, Factors(keys, kShortFactors, rope.dim / 2));
  INGLE_TRY(rope.long_factors, Factors(keys, kLongFactors, rope.dim / 2));
  if (keys.Has(kAttentionFactor)) return {};
  const double stretch = keys.Has(kOriginalContext)
                             ? static_cast<double>(context) / rope.original_context
                             : rope.factor;
  if (stretch > 1)
    rope.attention_factor = std::sqrt(1 + std::log(stretch) / std::log(rope.original_context));
  return {};
}

Status DescribeScaling(const KeyReader& keys, const DecoderTraits& traits, uint32_t context,
                       RopeBlueprint& rope) {
  INGLE_TRY(const std::string* type, keys.Text(kType));
  INGLE_TRY(const auto factor, keys.Real(kFactor, 0, 1e6));
  INGLE_TRY(const auto old_factor, keys.Real(kLinearFactor, 0, 1e6));
  INGLE_TRY(rope.attention_factor, keys.RealOr(kAttentionFactor, 1, 1e-3, 1e3));
  std::string name = type == nullptr ? "" : *type;
  // What the first Phi-3 models call it.
  if (name == "su" || (name == "yarn" && traits.long_rope && keys.is_hf())) name = "longrope";
  const double stretch = factor.value_or(old_factor.value_or(0));  // 0 and 1 both mean none.
  if (stretch != 0) rope.factor = stretch;
  if (traits.long_rope && (name == "longrope" || (!keys.is_hf() && name.empty())))
    return DescribeLongRope(keys, context, rope);
  if (name == "none" || name == "default") return {};
  if (!name.empty() && name != "linear" && name != "yarn" && !(name == "llama3" && keys.is_hf())) {
    return Unsupported(keys.Name(kType), "is '" + *type + "'; this build knows none, linear, yarn" +
                                             (keys.is_hf() ? ", llama3" : "") +
                                             (traits.long_rope ? " and longrope." : "."));
  }
  if (!name.empty() && !factor && !old_factor)
    return Contradiction(keys.Name(kType),
                         "is '" + *type + "', but '" + keys.Name(kFactor) + "' is missing.");
  if (stretch == 0 || stretch == 1) {
    rope.factor = 1;
    return {};
  }
  rope.scaling = name == "yarn"     ? RopeScaling::kYarn
                 : name == "llama3" ? RopeScaling::kLlama3
                                    : RopeScaling::kLinear;
  if (name == "yarn") return DescribeYarn(keys, context, rope);
  return name == "llama3" ? DescribeLlama3(keys, context, rope) : Status{};
}

Status DescribeLocal(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint) {
  RopeBlueprint& rope = blueprint.local_rope;
  rope.dim = blueprint.rope.dim;
  INGLE_TRY(const std::string* type, keys.Text(kLocalType));
  if (keys.is_hf() && type != nullptr && *type != "default")
    return Unsupported(keys.Name(kLocalType), "is '" + *type + "'; this build knows default.");
  INGLE_TRY(rope.theta, keys.RealOr(kLocalTheta, traits.local_theta, 2, 1e12));
  for (LayerBlueprint& layer : blueprint.layers) layer.local_rope = layer.window != 0;
  return {};
}

}  // namespace

Status DescribeRope(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint) {
  RopeBlueprint& rope = blueprint.rope;
  INGLE_TRY(const auto dim, keys.Size(kRopeDim, kHeadDimMax));
  INGLE_TRY(const double share, keys.RealOr(kPartial, 1, 0, 1));
  rope.dim = dim.value_or(static_cast<uint32_t>(blueprint.head_dim * share));
  if (rope.dim > blueprint.head_dim || rope.dim % 2 != 0 || rope.dim == 0) {
    return Contradiction(keys.Name(dim ? kRopeDim : kPartial),
                         "is " + std::to_string(rope.dim) + "; it must be even and at most " +
                             std::to_string(blueprint.head_dim) + ", the size of a head.");
  }
  INGLE_TRY(rope.theta, keys.RealOr(kTheta, rope.theta, 2, 1e12));
  INGLE_RETURN_IF_ERROR(DescribeScaling(keys, traits, blueprint.context_max, rope));
  return traits.local_theta == 0 ? Status{} : DescribeLocal(keys, traits, blueprint);
}

}  // namespace ingle
