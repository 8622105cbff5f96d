// The hyperparameters that every decoder-only model has, each read once and checked against the
// others.

#include <charconv>
#include <limits>
#include <optional>

#include "model/architecture.h"

namespace ingle {
namespace {

constexpr Key kLayers{"{a}.block_count", "num_hidden_layers"};
constexpr Key kModelDim{"{a}.embedding_length", "hidden_size"};
constexpr Key kFfnDim{"{a}.feed_forward_length", "intermediate_size"};
constexpr Key kHeads{"{a}.attention.head_count", "num_attention_heads"};
constexpr Key kKvHeads{"{a}.attention.head_count_kv", "num_key_value_heads"};
constexpr Key kHeadDim{"{a}.attention.key_length", "head_dim"};
constexpr Key kValueDim{"{a}.attention.value_length", ""};
constexpr Key kContext{"{a}.context_length", "max_position_embeddings"};
constexpr Key kVocab{"{a}.vocab_size", "vocab_size"};
constexpr Key kEpsilon{"{a}.attention.layer_norm_rms_epsilon", "rms_norm_eps"};
constexpr Key kTheta{"{a}.rope.freq_base", "rope_theta"};
constexpr Key kRopeDim{"{a}.rope.dimension_count", ""};
constexpr Key kScalingType{"{a}.rope.scaling.type", "rope_scaling.rope_type"};
constexpr Key kScalingFactor{"{a}.rope.scaling.factor", "rope_scaling.factor"};
constexpr Key kLinearFactor{"{a}.rope.scale_linear", ""};  // What old files call it.
constexpr Key kOriginalContext{"{a}.rope.scaling.original_context_length",
                               "rope_scaling.original_max_position_embeddings"};
constexpr Key kAttentionFactor{"{a}.rope.scaling.attn_factor", "rope_scaling.attention_factor"};
constexpr Key kYarnBetaFast{"{a}.rope.scaling.yarn_beta_fast", "rope_scaling.beta_fast"};
constexpr Key kYarnBetaSlow{"{a}.rope.scaling.yarn_beta_slow", "rope_scaling.beta_slow"};
constexpr Key kExperts{"{a}.expert_count", "num_local_experts"};
constexpr Key kExpertsUsed{"{a}.expert_used_count", "num_experts_per_tok"};
constexpr Key kWindow{"{a}.attention.sliding_window", ""};

// Keys that change the arithmetic in a way the decoder does not have: any other value than these is
// refused, because ignoring one would give wrong text without a word.
struct NeutralValue {
  Key key;
  double value, also;
};
constexpr NeutralValue kNeutral[] = {
    {kExperts, 0, 0},
    {{"{a}.attention.clamp_kqv", "clip_qkv"}, 0, 0},
    {{"{a}.attention.max_alibi_bias", ""}, 0, 0},
    {{"{a}.attention.scale", "attention_multiplier"}, 0, 0},
    {{"{a}.attention.causal", ""}, 1, 1},
    {{"{a}.attn_logit_softcapping", "attn_logit_softcapping"}, 0, 0},
    {{"{a}.final_logit_softcapping", "final_logit_softcapping"}, 0, 0},
    {{"{a}.logit_scale", "logits_scaling"}, 0, 1},
    {{"{a}.embedding_scale", "embedding_multiplier"}, 0, 1},
    {{"{a}.residual_scale", "residual_multiplier"}, 0, 1},
    {{"{a}.use_parallel_residual", ""}, 0, 0},
    {{"{a}.rope.scaling.yarn_ext_factor", ""}, 1, -1},  // -1: as the type says.
    {{"{a}.rope.scaling.yarn_log_multiplier", ""}, 0, 0},
    {{"{a}.rope.scaling.yarn_attn_factor", ""}, 1, 1},
};

// The shortest text that reads back as the same number: 1e-05, where std::to_string says 0.000010.
std::string NumberText(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::unexpected<Error> Contradiction(const std::string& key, const std::string& text) {
  return Fail(ErrorCode::kCorruptFile,
              "Key '" + key + "' " + text +
                  " The file is damaged or was converted wrongly: fetch or convert it again.",
              key, "invalid_model_file");
}

std::unexpected<Error> Unsupported(const std::string& key, const std::string& text) {
  return Fail(ErrorCode::kUnsupported, "Key '" + key + "' " + text, key);
}

// Reads and checks keys of one model.
class KeyReader {
 public:
  explicit KeyReader(const Metadata& metadata) : metadata_(metadata) {}

  std::string Name(Key key) const { return KeyName(metadata_, key); }

  // A number from 1 to max; the same for all layers where the file gives one per layer.
  Result<std::optional<uint32_t>> Size(Key key, uint64_t max) const {
    const std::string name = Name(key);
    INGLE_TRY(const auto values, metadata_.Integers(name));
    if (values.empty()) return std::nullopt;
    for (const int64_t value : values) {
      INGLE_RETURN_IF_ERROR(CheckSize(name, value, max));
      if (value != values[0]) {
        return Unsupported(
            name, "differs between layers; this build runs models whose layers are alike.");
      }
    }
    return static_cast<uint32_t>(values[0]);
  }

  Result<uint32_t> RequiredSize(Key key, uint64_t max) const {
    INGLE_TRY(const auto value, Size(key, max));
    if (!value) return Contradiction(Name(key), "is missing.");
    return *value;
  }

  // One number per layer, from a scalar or an array of exactly `count`.
  Result<std::vector<uint32_t>> PerLayer(Key key, uint32_t count, uint32_t fallback,
                                         uint64_t max) const {
    const std::string name = Name(key);
    INGLE_TRY(const auto values, metadata_.Integers(name));
    if (values.empty()) return std::vector<uint32_t>(count, fallback);
    if (values.size() != 1 && values.size() != count) {
      return Contradiction(name, "lists " + std::to_string(values.size()) + " values for " +
                                     std::to_string(count) + " layers ('" + Name(kLayers) + "').");
    }
    std::vector<uint32_t> sizes;
    for (const int64_t value : values) {
      INGLE_RETURN_IF_ERROR(CheckSize(name, value, max));
      sizes.push_back(static_cast<uint32_t>(value));
    }
    sizes.resize(count, sizes[0]);
    return sizes;
  }

  // A number in [min, max]; NaN is in no range.
  Result<std::optional<double>> Real(Key key, double min, double max) const {
    const std::string name = Name(key);
    INGLE_TRY(const auto value, metadata_.Number(name));
    if (!value || (*value >= min && *value <= max)) return value;
    return Contradiction(name, "is " + NumberText(*value) + "; it must be from " + NumberText(min) +
                                   " to " + NumberText(max) + ".");
  }

  Result<double> RealOr(Key key, double fallback, double min, double max) const {
    INGLE_TRY(const auto value, Real(key, min, max));
    return value.value_or(fallback);
  }

 private:
  static Status CheckSize(const std::string& name, int64_t value, uint64_t max) {
    if (value >= 1 && static_cast<uint64_t>(value) <= max) return {};
    return Contradiction(name, "is " + std::to_string(value) + "; it must be from 1 to " +
                                   std::to_string(max) + ", the limit of this build.");
  }

  const Metadata& metadata_;
};

Status RefuseUnknownArithmetic(const Metadata& metadata, const Blueprint& blueprint,
                               const KeyReader& keys) {
  const std::string used = keys.Name(kExpertsUsed), experts = keys.Name(kExperts),
                    window = keys.Name(kWindow);
  INGLE_TRY(const auto used_count, metadata.Unsigned(used));
  INGLE_TRY(const auto expert_count, metadata.Unsigned(experts));
  if (used_count.value_or(0) > expert_count.value_or(0)) {
    return Contradiction(used, "is " + std::to_string(*used_count) + ", more than '" + experts +
                                   "' (" + std::to_string(expert_count.value_or(0)) + ").");
  }
  for (const NeutralValue& neutral : kNeutral) {
    const std::string name = keys.Name(neutral.key);
    const MetadataValue* value = metadata.Find(name);
    if (value == nullptr) continue;
    double number = 0;
    if (const bool* truth = std::get_if<bool>(value)) {
      number = *truth ? 1 : 0;
    } else {
      INGLE_TRY(const auto read, metadata.Number(name));
      number = *read;
    }
    if (number == neutral.value || number == neutral.also) continue;
    return Unsupported(
        name, "is " + NumberText(number) + "; this build does not compute models that need it.");
  }
  INGLE_TRY(const auto window_size, metadata.Unsigned(window));
  if (window_size.value_or(0) == 0 || *window_size >= blueprint.context_max) return {};
  return Unsupported(window, "is " + std::to_string(*window_size) +
                                 "; this build has no sliding-window attention.");
}

Status DescribeHeads(const KeyReader& keys, uint32_t layers, Blueprint& blueprint) {
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
  INGLE_TRY(const auto kv_heads, keys.PerLayer(kKvHeads, layers, blueprint.heads, kWidthMax));
  blueprint.layers.resize(layers);
  for (uint32_t i = 0; i < layers; ++i) {
    if (blueprint.heads % kv_heads[i] != 0) {
      return Contradiction(keys.Name(kKvHeads), "(" + std::to_string(kv_heads[i]) +
                                                    ") does not divide '" + keys.Name(kHeads) +
                                                    "' (" + std::to_string(blueprint.heads) + ").");
    }
    blueprint.layers[i].kv_heads = kv_heads[i];
  }
  return {};
}

Status DescribeScaling(const Metadata& metadata, const KeyReader& keys, RopeBlueprint& rope) {
  const std::string type_name = keys.Name(kScalingType);
  INGLE_TRY(const std::string* type, metadata.String(type_name));
  INGLE_TRY(const auto factor, keys.Real(kScalingFactor, 0, 1e6));
  INGLE_TRY(const auto old_factor, keys.Real(kLinearFactor, 0, 1e6));
  INGLE_TRY(rope.attention_factor, keys.RealOr(kAttentionFactor, 1, 1e-3, 1e3));
  const double stretch = factor.value_or(old_factor.value_or(0));  // 0 and 1 both mean none.
  if (type != nullptr && *type == "none") return {};
  if (type != nullptr && *type != "linear" && *type != "yarn") {
    return Unsupported(type_name, "is '" + *type + "'; this build knows none, linear and yarn.");
  }
  if (type != nullptr && !factor && !old_factor) {
    return Contradiction(type_name,
                         "is '" + *type + "', but '" + keys.Name(kScalingFactor) + "' is missing.");
  }
  if (stretch == 0 || stretch == 1) return {};
  rope.factor = stretch;
  rope.scaling = RopeScaling::kLinear;
  if (type == nullptr || *type == "linear") return {};
  rope.scaling = RopeScaling::kYarn;
  INGLE_TRY(rope.original_context, keys.RequiredSize(kOriginalContext, kContextMax));
  INGLE_TRY(rope.beta_fast, keys.RealOr(kYarnBetaFast, rope.beta_fast, 1e-3, 1e6));
  INGLE_TRY(rope.beta_slow, keys.RealOr(kYarnBetaSlow, rope.beta_slow, 1e-3, 1e6));
  return {};
}

Status DescribeRope(const Metadata& metadata, const KeyReader& keys, Blueprint& blueprint) {
  RopeBlueprint& rope = blueprint.rope;
  INGLE_TRY(const auto dim, keys.Size(kRopeDim, kHeadDimMax));
  rope.dim = dim.value_or(blueprint.head_dim);
  if (rope.dim > blueprint.head_dim || rope.dim % 2 != 0) {
    return Contradiction(keys.Name(kRopeDim),
                         "is " + std::to_string(rope.dim) + "; it must be even and at most " +
                             std::to_string(blueprint.head_dim) + ", the size of a head.");
  }
  INGLE_TRY(rope.theta, keys.RealOr(kTheta, rope.theta, 2, 1e12));
  return DescribeScaling(metadata, keys, rope);
}

// Leaves vocab 0 where neither key is there.
Status DescribeVocabulary(const Metadata& metadata, const KeyReader& keys, Blueprint& blueprint) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  INGLE_TRY(const auto size, keys.Size(kVocab, kVocabMax));
  INGLE_TRY(const auto* tokens, metadata.Strings(kTokens));
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

}  // namespace

std::string KeyName(const Metadata& metadata, Key key) {
  std::string name(metadata.container == Container::kGguf ? key.gguf : key.hf);
  const size_t at = name.find("{a}");
  if (at == std::string::npos) return name;
  const auto architecture = metadata.String("general.architecture");
  return name.replace(at, 3, architecture && *architecture != nullptr ? **architecture : "");
}

Result<Blueprint> DescribeDecoder(const Metadata& metadata) {
  const KeyReader keys(metadata);
  Blueprint blueprint;
  INGLE_TRY(const uint32_t layers, keys.RequiredSize(kLayers, kLayersMax));
  INGLE_TRY(blueprint.model_dim, keys.RequiredSize(kModelDim, kWidthMax));
  INGLE_TRY(blueprint.ffn_dim, keys.RequiredSize(kFfnDim, kWidthMax));
  INGLE_TRY(blueprint.context_max, keys.RequiredSize(kContext, kContextMax));
  INGLE_RETURN_IF_ERROR(DescribeHeads(keys, layers, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeRope(metadata, keys, blueprint));
  INGLE_RETURN_IF_ERROR(DescribeVocabulary(metadata, keys, blueprint));
  INGLE_TRY(const auto epsilon, keys.Real(kEpsilon, 1e-12, 1e-1));
  if (!epsilon) return Contradiction(keys.Name(kEpsilon), "is missing.");
  blueprint.norm_epsilon = static_cast<float>(*epsilon);
  INGLE_RETURN_IF_ERROR(RefuseUnknownArithmetic(metadata, blueprint, keys));
  return blueprint;
}

}  // namespace ingle
