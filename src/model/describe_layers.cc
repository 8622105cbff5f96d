// What differs between a model's layers: convolutions, and windows of attention.

#include <algorithm>

#include "model/describe.h"

namespace ingle {
namespace {

constexpr Key kWindow{"{a}.attention.sliding_window", "sliding_window"};
constexpr Key kPattern{"{a}.attention.sliding_window_pattern", "sliding_window_pattern",
                       "_sliding_window_pattern"};
constexpr Key kUseWindow{"", "use_sliding_window"};
constexpr Key kFirstWindowed{"", "max_window_layers"};
constexpr Key kTypes{"", "layer_types"};
constexpr Key kAttentionLayers{"", "full_attn_idxs"};
constexpr Key kTaps{"{a}.shortconv.l_cache", "conv_L_cache"};

// The window of each layer, where the file does not list them.
Status WindowByRule(const KeyReader& keys, const DecoderTraits& traits, uint32_t window,
                    Blueprint& blueprint) {
  const auto layers = static_cast<uint32_t>(blueprint.layers.size());
  uint32_t every = traits.global_every, first = 0;
  if (every != 0) {
    INGLE_TRY(every, keys.SizeOr(kPattern, every, kLayersMax));
  } else if (keys.is_hf() && keys.Has(kFirstWindowed)) {
    INGLE_TRY(first, keys.Count(kFirstWindowed, kLayersMax));
  }
  for (uint32_t i = first; i < layers; ++i)
    if (every == 0 || (i + 1) % every != 0) blueprint.layers[i].window = window;
  return {};
}

Status WindowByType(const KeyReader& keys, const std::vector<std::string>& types, uint32_t window,
                    Blueprint& blueprint) {
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == "sliding_attention") {
      if (window == 0) return Contradiction(keys.Name(kWindow), "is missing.");
      blueprint.layers[i].window = window;
    }
  }
  return {};
}

// Gives each layer its mixer; GGUF marks a convolution by zero key-value heads instead.
Status DescribeMixers(const KeyReader& keys, const std::vector<std::string>* types,
                      Blueprint& blueprint) {
  INGLE_TRY(blueprint.conv_taps, keys.RequiredSize(kTaps, kConvTapsMax));
  if (blueprint.conv_taps < 2)
    return Contradiction(keys.Name(kTaps), "is 1; a convolution has at least 2 taps.");
  if (!keys.is_hf()) return {};
  if (types != nullptr) {
    for (size_t i = 0; i < types->size(); ++i)
      if ((*types)[i] == "conv") blueprint.layers[i].mixer = Mixer::kShortConvolution;
    return {};
  }
  INGLE_TRY(const auto attention, keys.metadata().Integers(keys.Name(kAttentionLayers)));
  if (!keys.Has(kAttentionLayers)) return {};
  for (size_t i = 0; i < blueprint.layers.size(); ++i)
    if (!std::ranges::count(attention, static_cast<int64_t>(i)))
      blueprint.layers[i].mixer = Mixer::kShortConvolution;
  return {};
}

Status CheckTypes(const KeyReader& keys, const DecoderTraits& traits,
                  const std::vector<std::string>& types, size_t layers) {
  if (types.size() != layers) {
    return Contradiction(keys.Name(kTypes), "lists " + std::to_string(types.size()) +
                                                " kinds for " + std::to_string(layers) +
                                                " layers.");
  }
  for (const std::string& type : types) {
    const bool known = type == "full_attention" || type == "sliding_attention" ||
                       (traits.convolutions && type == "conv");
    if (!known)
      return Unsupported(keys.Name(kTypes),
                         "holds '" + type + "'; this build knows full_attention" +
                             (traits.convolutions ? " and conv." : " and sliding_attention."));
  }
  return {};
}

}  // namespace

Status DescribeLayerTypes(const KeyReader& keys, const DecoderTraits& traits,
                          Blueprint& blueprint) {
  const std::vector<std::string>* types = nullptr;
  if (keys.is_hf()) {
    INGLE_TRY(types, keys.Texts(kTypes));
    if (types != nullptr)
      INGLE_RETURN_IF_ERROR(CheckTypes(keys, traits, *types, blueprint.layers.size()));
  }
  if (traits.convolutions) INGLE_RETURN_IF_ERROR(DescribeMixers(keys, types, blueprint));
  INGLE_TRY(uint32_t window, keys.Count(kWindow, kContextMax));
  INGLE_TRY(const bool used, keys.TruthOr(kUseWindow, true));
  if (types != nullptr && !traits.convolutions && used)
    return WindowByType(keys, *types, window, blueprint);
  if (!used || window == 0 || window >= blueprint.context_max) return {};
  return WindowByRule(keys, traits, window, blueprint);
}

}  // namespace ingle
