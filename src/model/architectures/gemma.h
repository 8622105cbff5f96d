#pragma once
// What Gemma 2 and 3 share: norms before and after each part, stored by Hugging Face as the
// distance from one, and the scale of the queries.

#include <cmath>

#include "model/architectures/tables.h"
#include "model/key_reader.h"

namespace ingle {

inline constexpr TensorSpec kGemmaTensors[] = {
    {Slot::kTokenEmbedding, Dim::kVocab, Dim::kModel, "token_embd.weight",
     "model.embed_tokens.weight"},
    {Slot::kFinalNorm, Dim::kVector, Dim::kModel, "output_norm.weight", "model.norm.weight",
     When::kAlways, Where::kAllLayers, Fix::kMinusOneInHf},
    {Slot::kOutput, Dim::kVocab, Dim::kModel, "output.weight", "lm_head.weight", When::kOptional},
    {Slot::kMixerNorm, Dim::kVector, Dim::kModel, "blk.{}.attn_norm.weight",
     "model.layers.{}.input_layernorm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
    {Slot::kMixerPostNorm, Dim::kVector, Dim::kModel, "blk.{}.post_attention_norm.weight",
     "model.layers.{}.post_attention_layernorm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
    {Slot::kFfnNorm, Dim::kVector, Dim::kModel, "blk.{}.ffn_norm.weight",
     "model.layers.{}.pre_feedforward_layernorm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
    {Slot::kFfnPostNorm, Dim::kVector, Dim::kModel, "blk.{}.post_ffw_norm.weight",
     "model.layers.{}.post_feedforward_layernorm.weight", When::kAlways, Where::kAllLayers,
     Fix::kMinusOneInHf},
};

// The scale is the size of a head but in the largest model of each, whose GGUF does not say so
// either: there it is model_dim / heads.
inline Status DescribeGemmaScale(const Metadata& metadata, size_t layers_of_27b,
                                 Blueprint& blueprint) {
  constexpr Key kScalar{"", "query_pre_attn_scalar"};
  const KeyReader keys(metadata);
  double scalar = blueprint.head_dim;
  if (keys.is_hf()) {
    INGLE_TRY(scalar, keys.RealOr(kScalar, scalar, 1e-3, 1e6));
  } else if (blueprint.layers.size() == layers_of_27b) {
    scalar = static_cast<double>(blueprint.model_dim) / blueprint.heads;
  }
  blueprint.attention_scale = static_cast<float>(1 / std::sqrt(scalar));
  return {};
}

}  // namespace ingle
