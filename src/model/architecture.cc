#include "model/architecture.h"

namespace ingle {

bool IsKeptAsFloats(Slot slot) {
  switch (slot) {
    case Slot::kTokenEmbedding:
    case Slot::kOutput:
    case Slot::kQuery:
    case Slot::kKey:
    case Slot::kValue:
    case Slot::kAttentionOut:
    case Slot::kConvGateIn:
    case Slot::kConvGateOut:
    case Slot::kConvValue:
    case Slot::kConvOut:
    case Slot::kFfnGate:
    case Slot::kFfnUp:
    case Slot::kFfnDown:
    case Slot::kExpertGate:
    case Slot::kExpertUp:
    case Slot::kExpertDown: return false;
    default: return true;
  }
}

uint64_t Extent(Dim dim, const Blueprint& blueprint, uint32_t layer) {
  switch (dim) {
    case Dim::kVector: return 1;
    case Dim::kVocab: return blueprint.vocab;
    case Dim::kContext: return blueprint.context_max;
    case Dim::kModel: return blueprint.model_dim;
    case Dim::kFfn: return blueprint.ffn_dim;
    case Dim::kQueries: return uint64_t{blueprint.heads} * blueprint.head_dim;
    case Dim::kKeys: return uint64_t{blueprint.layers[layer].kv_heads} * blueprint.head_dim;
    case Dim::kHead: return blueprint.head_dim;
    case Dim::kRopePairs: return blueprint.rope.dim / 2;
    case Dim::kTaps: return blueprint.conv_taps;
    case Dim::kExperts: return blueprint.experts.count;
    case Dim::kExpertFfn: return blueprint.experts.ffn_dim;
  }
  return 0;
}

bool TensorSpec::IsIn(const LayerBlueprint& layer) const {
  switch (where) {
    case Where::kAllLayers: return true;
    case Where::kAttention: return layer.mixer == Mixer::kAttention;
    case Where::kShortConvolution: return layer.mixer == Mixer::kShortConvolution;
    case Where::kDense: return layer.feed_forward != FeedForward::kExperts;
    case Where::kExperts: return layer.feed_forward == FeedForward::kExperts;
  }
  return false;
}

}  // namespace ingle
