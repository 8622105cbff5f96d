// The hyperparameters that every decoder-only model has, each read once and checked against the
// others.

#include "model/describe.h"

#include <cmath>

#include "model/key_reader.h"

namespace ingle {
namespace {

constexpr Key kLayers{"{a}.block_count", "num_hidden_layers", "n_layer"};
constexpr Key kModelDim{"{a}.embedding_length", "hidden_size", "n_embd"};
constexpr Key kFfnDim{"{a}.feed_forward_length", "intermediate_size", "n_inner"};
constexpr Key kHeads{"{a}.attention.head_count", "num_attention_heads", "n_head"};
constexpr Key kKvHeads{"{a}.attention.head_count_kv", "num_key_value_heads"};
constexpr Key kHeadDim{"{a}.attention.key_length", "head_dim"};
constexpr Key kValueDim{"{a}.attention.value_length", ""};
constexpr Key kContext{"{a}.context_length", "max_position_embeddings", "n_positions"};
constexpr Key kVocab{"{a}.vocab_size", "vocab_size"};
constexpr Key kRmsEpsilon{"{a}.attention.layer_norm_rms_epsilon", "rms_norm_eps", "norm_eps"};
constexpr Key kLayerEpsilon{"{a}.attention.layer_norm_epsilon", "layer_norm_epsilon"};
constexpr Key kActivation{"", "hidden_act", "activation_function"};
constexpr Key kGemmaActivation{"", "hidden_activation"};
constexpr Key kExperts{"{a}.expert_count", "num_experts", "num_local_experts"};
constexpr Key kExpertsUsed{"{a}.expert_used_count", "num_experts_per_tok"};
constexpr Key kAttentionSoftcap{"{a}.attn_logit_softcapping", "attn_logit_softcapping"};
constexpr Key kLogitSoftcap{"{a}.final_logit_softcapping", "final_logit_softcapping"};

// Keys that change the arithmetic in a way the decoder does not have: any other value than these is
// refused, because ignoring one would give wrong text without a word.
struct NeutralValue {
  Key key;
  double value, also;
  bool DecoderTraits::* trait = nullptr;  // Architectures with this do compute it.
};
constexpr NeutralValue kNeutral[] = {
    {kExperts, 0, 0, &DecoderTraits::experts},
    {{"{a}.attention.clamp_kqv", "clip_qkv"}, 0, 0},
    {{"{a}.attention.max_alibi_bias", ""}, 0, 0},
    {{"{a}.attention.scale", "attention_multiplier"}, 0, 0},
    {{"{a}.attention.causal", ""}, 1, 1},
    {kAttentionSoftcap, 0, 0, &DecoderTraits::softcaps},
    {kLogitSoftcap, 0, 0, &DecoderTraits::softcaps},
    {{"{a}.expert_shared_count", "n_shared_experts"}, 0, 0},
    {{"{a}.expert_group_count", "n_group"}, 0, 1},
    {{"{a}.attention.temperature_scale", "llama_4_scaling.beta"}, 0, 0},
    {{"", "attention_bias"}, 0, 0, &DecoderTraits::attention_bias},
    {{"", "mlp_bias"}, 0, 0, &DecoderTraits::mlp_bias},
    {{"", "conv_bias"}, 0, 0},
    {{"", "use_bidirectional_attention"}, 0, 0},
    {{"", "add_cross_attention"}, 0, 0},
    {{"", "is_encoder_decoder"}, 0, 0},
    {{"", "lm_head_bias"}, 0, 0},
    {{"", "use_mrope"}, 0, 0},
    {{"", "full_attn_mod"}, 1, 1},
    {{"", "interpolate_factor"}, 1, 1},
    {{"", "scale_attn_by_inverse_layer_idx"}, 0, 0},
    {{"", "scale_attn_weights"}, 1, 1},
    {{"{a}.logit_scale", "logits_scaling"}, 0, 1},
    {{"{a}.embedding_scale", "embedding_multiplier"}, 0, 1},
    {{"{a}.residual_scale", "residual_multiplier"}, 0, 1},
    {{"{a}.use_parallel_residual", ""}, 0, 0},
    {{"{a}.rope.scaling.yarn_ext_factor", ""}, 1, -1},  // -1: as the type says.
    {{"{a}.rope.scaling.yarn_log_multiplier", ""}, 0, 0},
    {{"{a}.rope.scaling.yarn_attn_factor", ""}, 1, 1},
};

Status RefuseUnknownArithmetic(const KeyReader& keys, const DecoderTraits& traits) {
  const std::string used = keys.Name(kExpertsUsed), experts = keys.Name(kExperts);
  INGLE_TRY(const uint32_t used_count, keys.Count(kExpertsUsed, kExpertsMax));
  INGLE_TRY(const uint32_t expert_count, keys.Count(kExperts, kExpertsMax));
  if (used_count > expert_count) {
    return Contradiction(used, "is " + std::to_string(used_count) + ", more than '" + experts +
                                   "' (" + std::to_string(expert_count) + ").");
  }
  for (const NeutralValue& neutral : kNeutral) {
    if (neutral.trait != nullptr && traits.*neutral.trait) continue;
    const std::string name = keys.Name(neutral.key);
    const MetadataValue* value = name.empty() ? nullptr : keys.metadata().Find(name);
    if (value == nullptr) continue;
    double number = 0;
    if (const bool* truth = std::get_if<bool>(value)) {
      number = *truth ? 1 : 0;
    } else {
      INGLE_TRY(const auto read, keys.metadata().Number(name));
      number = *read;
    }
    if (number == neutral.value || number == neutral.also) continue;
    return Unsupported(
        name, "is " + NumberText(number) + "; this build does not compute models that need it.");
  }
  return {};
}

Status DescribeKvHeads(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint) {
  const auto layers = static_cast<uint32_t>(blueprint.layers.size());
  INGLE_TRY(const auto kv_heads, keys.PerLayer(kKvHeads, layers, blueprint.heads,
                                               traits.convolutions ? 0 : 1, kWidthMax));
  for (uint32_t i = 0; i < layers; ++i) {
    LayerBlueprint& layer = blueprint.layers[i];
    if (layer.mixer == Mixer::kShortConvolution || kv_heads[i] == 0) {
      layer.mixer = Mixer::kShortConvolution;
      continue;
    }
    if (blueprint.heads % kv_heads[i] != 0) {
      return Contradiction(keys.Name(kKvHeads), "(" + std::to_string(kv_heads[i]) +
                                                    ") does not divide '" + keys.Name(kHeads) +
                                                    "' (" + std::to_string(blueprint.heads) + ").");
    }
    layer.kv_heads = kv_heads[i];
    layer.rope = traits.rope;
  }
  return {};
}

Status DescribeHeads(const KeyReader& keys, Blueprint& blueprint) {
  INGLE_TRY(blueprint.heads, keys.RequiredSize(kHeads, kWidthMax));
  INGLE_TRY(const auto head_dim, keys.Size(kHeadDim, kHeadDimMax));
  if (!head_dim && blueprint.model_dim % blueprint.heads != 0) {
    return Contradiction(keys.Name(kHeads), "(" + std::to_string(blueprint.heads) +
                                                ") does not divide '" + keys.Name(kModelDim) +
                                                "' (" + std::to_string(blueprint.model_dim) +
                                                ") and '" + keys.Name(kHeadDim) + "' is missing.");
  }
  blueprint.head_dim = head_dim.value_or(blueprint.model_dim / blueprint.heads);
  if (blueprint.head_dim > kHeadDimMax ||
      uint64_t{blueprint.heads} * blueprint.head_dim > kWidthMax) {
    return Contradiction(keys.Name(kHeads), "gives " + std::to_string(blueprint.heads) +
                                                " heads of " + std::to_string(blueprint.head_dim) +
                                                "; the limits are " + std::to_string(kHeadDimMax) +
                                                " per head and " + std::to_string(kWidthMax) +
                                                " together.");
  }
  INGLE_TRY(const auto value_dim, keys.Size(kValueDim, kHeadDimMax));
  if (value_dim && *value_dim != blueprint.head_dim) {
    return Unsupported(keys.Name(kValueDim), "is " + std::to_string(*value_dim) +
                                                 ", but a key has " +
                                                 std::to_string(blueprint.head_dim) +
                                                 "; this build needs keys and values of one size.");
  }
  return {};
}

// Leaves vocab 0 where neither key is there.
Status DescribeVocabulary(const KeyReader& keys, Blueprint& blueprint) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  INGLE_TRY(const auto size, keys.Size(kVocab, kVocabMax));
  INGLE_TRY(const auto* tokens, keys.metadata().Strings(kTokens));
  blueprint.vocab = size.value_or(0);
  if (tokens == nullptr) return {};
  if (tokens->empty() || tokens->size() > kVocabMax) {
    return Contradiction(std::string(kTokens), "lists " + std::to_string(tokens->size()) +
                                                   " tokens; it must be from 1 to " +
                                                   std::to_string(kVocabMax) + ".");
  }
  if (size && *size != tokens->size()) {
    return Contradiction(keys.Name(kVocab), "is " + std::to_string(*size) + ", but '" +
                                                std::string(kTokens) + "' lists " +
                                                std::to_string(tokens->size()) + ".");
  }
  blueprint.vocab = static_cast<uint32_t>(tokens->size());
  return {};
}

// A config.json names the activation; it must be the one that the architecture has.
Status CheckActivation(const KeyReader& keys, Activation activation) {
  if (!keys.is_hf()) return {};
  const Key key = keys.Has(kGemmaActivation) ? kGemmaActivation : kActivation;
  INGLE_TRY(const std::string* name, keys.Text(key));
  if (name == nullptr) return {};
  const bool silu = *name == "silu" || *name == "swish";
  const bool gelu = *name == "gelu_pytorch_tanh" || *name == "gelu_new";
  if (activation == Activation::kSilu ? silu : gelu) return {};
  return Unsupported(
      keys.Name(key),
      "is '" + *name + "'; this build computes this architecture with " +
          (activation == Activation::kSilu ? "silu." : "gelu_pytorch_tanh or gelu_new."));
}

Status DescribeNumbers(const KeyReader& keys, const DecoderTraits& traits, Blueprint& blueprint) {
  const Key key = traits.norm == Norm::kRms ? kRmsEpsilon : kLayerEpsilon;
  INGLE_TRY(const auto epsilon, keys.Real(key, 1e-12, 1e-1));
  if (!epsilon) return Contradiction(keys.Name(key), "is missing.");
  blueprint.norm = traits.norm;
  blueprint.norm_epsilon = static_cast<float>(*epsilon);
  blueprint.activation = traits.activation;
  if (traits.scales_embedding)
    blueprint.embedding_scale = std::sqrt(static_cast<float>(blueprint.model_dim));
  if (!traits.softcaps) return {};
  INGLE_TRY(const double attention, keys.RealOr(kAttentionSoftcap, 0, 0, 1e6));
  INGLE_TRY(const double logits, keys.RealOr(kLogitSoftcap, 0, 0, 1e6));
  blueprint.attention_softcap = static_cast<float>(attention);
  blueprint.logit_softcap = static_cast<float>(logits);
  return {};
}

}  // namespace

Result<Blueprint> DescribeDecoder(const Metadata& metadata, const DecoderTraits& traits) {
  const KeyReader keys(metadata);
  Blueprint blueprint;
  INGLE_TRY(const uint32_t layers, keys.RequiredSize(kLayers, kLayersMax));
  INGLE_TRY(blueprint.model_dim, keys.RequiredSize(kModelDim, kWidthMax));
  if (traits.norm == Norm::kLayer && keys.is_hf() && !keys.Has(kFfnDim)) {
    blueprint.ffn_dim = 4 * blueprint.model_dim;  // GPT-2's n_inner.
  } else {
    INGLE_TRY(blueprint.ffn_dim, keys.RequiredSize(kFfnDim, kWidthMax));
  }
  INGLE_TRY(blueprint.context_max, keys.RequiredSize(kContext, kContextMax));
  blueprint.layers.resize(layers);
  for (LayerBlueprint& layer : blueprint.layers) layer.feed_forward = traits.feed_forward;
  INGLE_RETURN_IF_ERROR(DescribeHeads(keys, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeLayerTypes(keys, traits, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeKvHeads(keys, traits, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeRope(keys, traits, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeVocabulary(keys, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeNumbers(keys, traits, blueprint));
  INGLE_RETURN_IF_ERROR(CheckActivation(keys, traits.activation));
  INGLE_RETURN_IF_ERROR(RefuseUnknownArithmetic(keys, traits));
  if (traits.experts) INGLE_RETURN_IF_ERROR(DescribeExperts(keys, traits, blueprint));
  return blueprint;
}

}  // namespace ingle
