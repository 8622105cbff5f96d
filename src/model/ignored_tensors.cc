#include "model/ignored_tensors.h"

#include <algorithm>
#include <string_view>

namespace ingle {
namespace {

// Tensors that some converters write and nobody needs: tables that are computed anew here, and
// masks.
constexpr std::string_view kTableSuffixes[] = {".attn_rot_embd.weight", ".rotary_emb.inv_freq",
                                               ".attn.bias", ".attn.masked_bias"};
// What makes tokens of images in a multimodal model.
constexpr std::string_view kVisionPrefixes[] = {"vision_tower.", "multi_modal_projector.",
                                                "model.vision_tower.",
                                                "model.multi_modal_projector."};

}  // namespace

bool IgnoredTensors::Take(const StoredTensor& tensor, std::span<const std::byte> bytes) {
  const std::string& name = tensor.name;
  const auto begins = [&](std::string_view prefix) { return name.starts_with(prefix); };
  const auto ends = [&](std::string_view suffix) { return name.ends_with(suffix); };
  if (multimodal_ && std::ranges::any_of(kVisionPrefixes, begins)) {
    if (vision_++ == 0) first_vision_ = name;
    return true;
  }
  if (std::ranges::any_of(kTableSuffixes, ends)) {
    tables_.push_back(name);
    return true;
  }
  return IsZeroBias(tensor, bytes);
}

bool IgnoredTensors::IsZeroBias(const StoredTensor& tensor, std::span<const std::byte> bytes) {
  if (!tensor.name.ends_with(".bias")) return false;
  if (std::ranges::any_of(bytes, [](std::byte b) { return b != std::byte{0}; })) return false;
  ++zero_biases_;
  return true;
}

void IgnoredTensors::AddWarnings(std::vector<std::string>* warnings) const {
  for (const std::string& name : tables_)
    warnings->push_back("Tensor '" + name + "' is not needed and was ignored.");
  if (zero_biases_ > 0)
    warnings->push_back(std::to_string(zero_biases_) +
                        " biases that models of this class do not have hold zeros only, and were "
                        "left out.");
  if (vision_ > 0)
    warnings->push_back(
        "This model was made to see images too; this build runs its language part "
        "only and does not understand images: " +
        std::to_string(vision_) + " tensors, such as '" + first_vision_ + "', were left out.");
}

}  // namespace ingle
