// Mixtures of experts: how many there are, how they are chosen, and in which layers.

#include <algorithm>

#include "model/describe.h"

namespace ingle {
namespace {

constexpr Key kCount{"{a}.expert_count", "num_experts", "num_local_experts"};
constexpr Key kUsed{"{a}.expert_used_count", "num_experts_per_tok"};
constexpr Key kFfnDim{"{a}.expert_feed_forward_length", "moe_intermediate_size"};
constexpr Key kGating{"{a}.expert_gating_func", ""};
constexpr Key kNormalise{"{a}.expert_weights_norm", "norm_topk_prob"};
constexpr Key kScale{"{a}.expert_weights_scale", "routed_scaling_factor"};
constexpr Key kDenseLayers{"{a}.leading_dense_block_count", "num_dense_layers"};
constexpr Key kDenseOnly{"", "mlp_only_layers"};
constexpr Key kSparseStep{"", "decoder_sparse_step"};

constexpr uint32_t kGatingSoftmax = 1, kGatingSigmoid = 2;  // llama.cpp's numbers.

Status DescribeGating(const KeyReader& keys, ExpertsBlueprint& experts) {
  INGLE_TRY(const uint32_t gating, keys.Count(kGating, 1000));
  if (!keys.is_hf() && gating != 0) {
    if (gating != kGatingSoftmax && gating != kGatingSigmoid)
      return Unsupported(keys.Name(kGating), "is " + std::to_string(gating) +
                                                 "; this build knows 1 (softmax) and 2 (sigmoid).");
    experts.sigmoid = gating == kGatingSigmoid;
  }
  INGLE_TRY(experts.normalise, keys.TruthOr(kNormalise, experts.normalise));
  INGLE_TRY(const double scale, keys.RealOr(kScale, 1, 0, 1e6));
  experts.weight_scale = scale == 0 ? 1.0f : static_cast<float>(scale);  // 0: not set.
  return {};
}

}  // namespace

Status DescribeExperts(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint) {
  ExpertsBlueprint& experts = blueprint.experts;
  experts.sigmoid = traits.sigmoid_experts;
  INGLE_TRY(experts.count, keys.RequiredSize(kCount, kExpertsMax));
  INGLE_TRY(experts.used, keys.RequiredSize(kUsed, kExpertsUsedMax));
  INGLE_TRY(experts.ffn_dim, keys.RequiredSize(kFfnDim, kWidthMax));
  INGLE_RETURN_IF_ERROR(DescribeGating(keys, experts));
  const auto layers = static_cast<uint32_t>(blueprint.layers.size());
  INGLE_TRY(const uint32_t dense, keys.Count(kDenseLayers, kLayersMax));
  INGLE_TRY(const uint32_t step, keys.SizeOr(kSparseStep, 1, kLayersMax));
  std::vector<int64_t> dense_only;
  if (keys.is_hf()) {
    INGLE_TRY(dense_only, keys.metadata().Integers(keys.Name(kDenseOnly)));
  }
  for (uint32_t i = dense; i < layers; ++i)
    if ((i + 1) % step == 0 && !std::ranges::count(dense_only, int64_t{i}))
      blueprint.layers[i].feed_forward = FeedForward::kExperts;
  return {};
}

}  // namespace ingle
