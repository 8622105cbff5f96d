#include "convert/file_type.h"

#include <algorithm>
#include <array>
#include <optional>

#include "files/gguf_cursor.h"

namespace ingle {
namespace {

// Numbers: enum llama_ftype of llama.cpp.
constexpr FileType kFileTypes[] = {
    {"F32", 0, DType::kF32, false},     {"F16", 1, DType::kF16, false},
    {"BF16", 32, DType::kBF16, false},  {"Q8_0", 7, DType::kQ8_0, false},
    {"Q4_0", 2, DType::kQ4_0, false},   {"Q4_K_M", 15, DType::kQ4_K, true},
    {"Q5_K_M", 17, DType::kQ5_K, true}, {"Q6_K", 18, DType::kQ6_K, false},
};

// Parts of names of matrices that no type decides about.
constexpr std::string_view kKept[] = {
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "position_embd",
    "token_types.weight",
    "ssm_conv1d",
    "shortconv.conv",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    "time_mix_w",
    "time_mix_v",
    "time_mix_a",
    "time_mix_g",
    "time_mix_decay_w",
    "time_mix_lerp_fused",
    "attn_rel_b.weight",
};

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return upper;
}

// "blk.17.x" -> 17.
std::optional<uint32_t> LayerOf(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  uint32_t layer = 0;
  size_t at = 4;
  for (; at < name.size() && name[at] >= '0' && name[at] <= '9' && layer < 100000; ++at)
    layer = layer * 10 + static_cast<uint32_t>(name[at] - '0');
  if (at == 4 || at >= name.size() || name[at] != '.') return std::nullopt;
  return layer;
}

bool Has(std::string_view name, std::string_view part) {
  return name.find(part) != std::string_view::npos;
}
bool HoldsValues(std::string_view name) {
  return Has(name, "attn_v.weight") || Has(name, "attn_qkv.weight") ||
         Has(name, "attn_kv_b.weight");
}

// The first and last eighth of the layers, and every third between.
bool IsDelicate(uint32_t layer, uint32_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// What takes the place of a type whose blocks a row does not fill.
DType Fallback(DType type) {
  switch (type) {
    case DType::kQ4_K: return DType::kQ5_0;
    case DType::kQ5_K: return DType::kQ5_1;
    case DType::kQ6_K: return DType::kQ8_0;
    default: return DType::kF16;
  }
}

// Models of 80 layers and grouped heads (70 and 72 billion weights): their values are small and
// shared by many heads.
bool HasSharedValues(const MixFacts& facts) {
  if (facts.layers != 80) return false;
  return (facts.architecture == "llama" && facts.heads != facts.kv_heads) ||
         (facts.architecture == "qwen2" && facts.width == 8192);
}

DType ForValues(const FileType& file, const MixFacts& facts, std::string_view name) {
  DType type = file.type;
  const uint32_t layer = LayerOf(name).value_or(0);
  const auto place = static_cast<uint32_t>(std::ranges::lower_bound(facts.v_layers, layer) -
                                           facts.v_layers.begin());
  if (file.more_bits && IsDelicate(place, static_cast<uint32_t>(facts.v_layers.size())))
    type = DType::kQ6_K;
  if (HasSharedValues(facts) && type == DType::kQ4_K) type = DType::kQ5_K;
  return facts.experts == 8 ? DType::kQ8_0 : type;  // Small beside eight experts.
}

DType BestType(const FileType& file, const MixFacts& facts, std::string_view name, uint64_t cols) {
  const DType type = file.type;
  if (!IsQuantized(type)) return type;
  if (name == "output.weight" || (facts.tied && name == "token_embd.weight")) {
    if (cols % Info(type).block_weights != 0 || type == DType::kQ8_0) return DType::kQ8_0;
    return DType::kQ6_K;
  }
  if (HoldsValues(name)) return ForValues(file, facts, name);
  if (facts.experts == 8 && Has(name, "attn_k.weight")) return DType::kQ8_0;
  if (facts.experts == 8 && Has(name, "attn_output.weight") && type == DType::kQ4_K)
    return DType::kQ5_K;
  if (Has(name, "ffn_down") && file.more_bits &&
      IsDelicate(LayerOf(name).value_or(0), facts.layers))
    return DType::kQ6_K;
  return type;
}

}  // namespace

std::span<const FileType> AllFileTypes() { return kFileTypes; }

const FileType* FindFileType(std::string_view name) {
  const auto* found = std::ranges::find(kFileTypes, Upper(name), &FileType::name);
  return found == std::end(kFileTypes) ? nullptr : found;
}

const FileType* FileTypeOf(DType type) {
  const auto* found = std::ranges::find(kFileTypes, type, &FileType::type);
  return found == std::end(kFileTypes) ? nullptr : found;
}

Result<MixFacts> MixFactsOf(const Metadata& metadata, std::span<const GgufTensorEntry> tensors) {
  MixFacts facts;
  INGLE_TRY(const std::string* architecture, metadata.String("general.architecture"));
  if (architecture == nullptr)
    return BadModelFile("Key 'general.architecture' is missing; convert the model again.",
                        "general.architecture");
  facts.architecture = *architecture;
  const std::pair<const char*, uint32_t*> numbers[] = {
      {".block_count", &facts.layers},         {".expert_count", &facts.experts},
      {".attention.head_count", &facts.heads}, {".attention.head_count_kv", &facts.kv_heads},
      {".embedding_length", &facts.width},
  };
  for (const auto& [name, number] : numbers) {
    INGLE_TRY(const auto values, metadata.Integers(facts.architecture + name));
    for (const int64_t value : values)  // One for all layers, or one for each of them.
      *number = std::max(*number, static_cast<uint32_t>(std::clamp<int64_t>(value, 0, 1 << 24)));
  }
  for (const GgufTensorEntry& tensor : tensors) {
    if (tensor.name == "output.weight") facts.tied = false;
    if (const auto layer = LayerOf(tensor.name); layer && HoldsValues(tensor.name))
      facts.v_layers.push_back(*layer);
  }
  std::ranges::sort(facts.v_layers);
  return facts;
}

bool IsConvertible(std::string_view name, std::span<const uint64_t> dims) {
  size_t dimensions = dims.size();
  while (dimensions > 1 && dims[dimensions - 1] == 1) --dimensions;
  if (dimensions < 2 || !name.ends_with("weight")) return false;
  return std::ranges::none_of(kKept, [&](std::string_view part) { return Has(name, part); });
}

ChosenType ChooseType(const FileType& file, const MixFacts& facts, std::string_view name,
                      std::span<const uint64_t> dims) {
  ChosenType chosen{BestType(file, facts, name, dims[0])};
  while (dims[0] % Info(chosen.type).block_weights != 0) {
    chosen.type = Fallback(chosen.type);
    chosen.fell_back = true;
  }
  return chosen;
}

}  // namespace ingle
