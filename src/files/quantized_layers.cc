#include "files/quantized_layers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/checked.h"
#include "files/gguf_cursor.h"
#include "files/int4_matrix.h"

namespace ingle {
namespace {

constexpr uint64_t kExtentMax = 1u << 24;  // Inputs or outputs of a layer.
constexpr size_t kNone = ~size_t{0};

enum Part : uint8_t { kCodes, kZeros, kScales, kGroups, kParts };
constexpr std::string_view kSuffixes[kParts] = {".qweight", ".qzeros", ".scales", ".g_idx"};

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

Result<std::string> TextOr(const Metadata& metadata, std::string_view key, std::string fallback) {
  INGLE_TRY(const std::string* text,
            metadata.String(std::string(kQuantizationPrefix) + std::string(key)));
  return text == nullptr ? fallback : Lower(*text);
}

// What the configuration says, as far as the layers' own tensors do not.
struct Method {
  Int4Form form = Int4Form::kGptq;
  int64_t group_size = -1;  // Inputs; -1: all.
};

std::unexpected<Error> Unsupported(std::string_view key, const std::string& value,
                                   std::string_view known) {
  const std::string name = std::string(kQuantizationPrefix) + std::string(key);
  return Fail(ErrorCode::kUnsupported,
              "The model is quantised in a form that this build does not compute: '" + name +
                  "' is '" + value + "', known is " + std::string(known) +
                  ". Use another version of the model, or a GGUF file of it.",
              name, "unsupported_model_file");
}

Result<std::optional<Method>> ReadMethod(const Metadata& metadata) {
  const auto first = metadata.values.lower_bound(kQuantizationPrefix);
  if (first == metadata.values.end() || !first->first.starts_with(kQuantizationPrefix))
    return std::nullopt;
  // quantize_config.json, older than the key, is GPTQ's.
  INGLE_TRY(const std::string name, TextOr(metadata, "quant_method", "gptq"));
  if (name != "gptq" && name != "awq") return Unsupported("quant_method", name, "gptq and awq");
  const std::string prefix(kQuantizationPrefix);
  INGLE_TRY(const auto bits, metadata.Unsigned(prefix + "bits"));
  if (bits.value_or(4) != 4) return Unsupported("bits", std::to_string(*bits), "4");
  Method method;
  INGLE_TRY(const auto sizes, metadata.Integers(prefix + "group_size"));
  if (!sizes.empty()) method.group_size = sizes[0];
  if (name == "awq") {
    INGLE_TRY(const std::string version, TextOr(metadata, "version", "gemm"));
    if (version != "gemm") return Unsupported("version", version, "gemm");
    method.form = Int4Form::kAwq;
    return method;
  }
  INGLE_TRY(const std::string format, TextOr(metadata, "checkpoint_format", "gptq"));
  if (format == "gptq_v2") method.form = Int4Form::kGptqV2;
  if (format != "gptq" && format != "gptq_v2")
    return Unsupported("checkpoint_format", format, "gptq and gptq_v2");
  return method;
}

std::unexpected<Error> BadLayer(const std::string& name, const std::string& text) {
  return BadModelFile("Layer '" + name + "' " + text +
                      " The files are damaged, or of a quantiser that this build does not know: "
                      "fetch the model again.");
}

bool IsMatrixOf(const StoredTensor& tensor, DType type, uint64_t rows, uint64_t cols) {
  return tensor.type == type && tensor.dimension_count == 2 && tensor.dims[0] == cols &&
         tensor.dims[1] == rows;
}

}  // namespace

struct QuantizedLayers::Layer {
  std::array<size_t, kParts> parts{kNone, kNone, kNone, kNone};
};

Status RefuseQuantization(const Metadata& metadata) {
  if (metadata.container != Container::kHuggingFace) return {};
  const auto method = ReadMethod(metadata);
  if (!method) return std::unexpected(method.error());
  return {};
}

Status QuantizedLayers::Assemble() {
  const auto method = ReadMethod(files_.metadata_);
  if (!method || !*method) return {};
  std::map<std::string, Layer> layers;
  for (size_t i = 0; i < files_.tensors_.size(); ++i) {
    const std::string& name = files_.tensors_[i].name;
    for (size_t part = 0; part < kParts; ++part) {
      if (!name.ends_with(kSuffixes[part])) continue;
      layers[name.substr(0, name.size() - kSuffixes[part].size())].parts[part] = i;
    }
  }
  for (const auto& [name, layer] : layers) {
    if (layer.parts[kCodes] == kNone) continue;  // Not quantised: other tensors may end so.
    auto done = AssembleLayer(name, layer);
    if (done) continue;
    Error error = std::move(done).error();
    error.message = files_.path_ + ": " + error.message;
    return std::unexpected(std::move(error));
  }
  // The parts have gone into matrices.
  std::vector<StoredTensor> kept;
  for (StoredTensor& tensor : files_.tensors_) {
    const bool is_part = std::ranges::any_of(kSuffixes, [&](std::string_view suffix) {
      if (!tensor.name.ends_with(suffix)) return false;
      const auto layer = layers.find(tensor.name.substr(0, tensor.name.size() - suffix.size()));
      return layer != layers.end() && layer->second.parts[kCodes] != kNone;
    });
    if (!is_part) kept.push_back(std::move(tensor));
  }
  files_.tensors_ = std::move(kept);
  return {};
}

Result<std::vector<uint32_t>> QuantizedLayers::GroupsOf(const std::string& name,
                                                        const StoredTensor* index,
                                                        int64_t group_size, uint32_t in,
                                                        uint32_t groups) const {
  std::vector<uint32_t> group_of(in, 0);
  if (index == nullptr) {
    const uint64_t size = group_size > 0 ? static_cast<uint64_t>(group_size) : in;
    if ((in + size - 1) / size != groups) {
      return BadLayer(name, "has " + std::to_string(groups) + " groups of scales where " +
                                std::to_string(in) + " inputs in groups of " +
                                std::to_string(size) + " make another number.");
    }
    for (uint32_t k = 0; k < in; ++k) group_of[k] = static_cast<uint32_t>(k / size);
    return group_of;
  }
  if (index->type != DType::kI32 || index->dimension_count != 1 || index->dims[0] != in)
    return BadLayer(name, "has a 'g_idx' that is no list of an int32 per input.");
  std::memcpy(group_of.data(), files_.TensorBytes(*index).data(), in * sizeof(uint32_t));
  for (const uint32_t group : group_of) {
    if (group < groups) continue;
    return BadLayer(name, "names group " + std::to_string(static_cast<int32_t>(group)) +
                              " in 'g_idx'; there are " + std::to_string(groups) + ".");
  }
  return group_of;
}

Status QuantizedLayers::AssembleLayer(const std::string& name, const Layer& layer) {
  const Method method = **ReadMethod(files_.metadata_);
  const auto& parts = layer.parts;
  if (parts[kZeros] == kNone || parts[kScales] == kNone)
    return BadLayer(name, "has 'qweight' but lacks 'qzeros' or 'scales'.");
  const auto& tensors = files_.tensors_;
  const StoredTensor &codes = tensors[parts[kCodes]], &scales = tensors[parts[kScales]];
  const bool awq = method.form == Int4Form::kAwq;
  const uint64_t in = codes.dims[1] * (awq ? 1 : 8), out = codes.dims[0] * (awq ? 8 : 1);
  const uint64_t groups = scales.dims[1];
  if (codes.dims[0] > kExtentMax || codes.dims[1] > kExtentMax || in > kExtentMax ||
      out > kExtentMax || in % 32 != 0 || out % 8 != 0) {
    return BadLayer(name, "has " + std::to_string(in) + " inputs and " + std::to_string(out) +
                              " outputs; they must be multiples of 32 and 8 and at most " +
                              std::to_string(kExtentMax) + ".");
  }
  if (!IsMatrixOf(codes, DType::kI32, awq ? in : in / 8, awq ? out / 8 : out) ||
      !IsMatrixOf(scales, DType::kF16, groups, out) ||
      !IsMatrixOf(tensors[parts[kZeros]], DType::kI32, groups, out / 8)) {
    return BadLayer(name,
                    "has 'qweight', 'qzeros' and 'scales' of other types or shapes than int32, "
                    "int32 and f16 of one layer.");
  }
  Int4Parts made{.form = method.form,
                 .in = static_cast<uint32_t>(in),
                 .out = static_cast<uint32_t>(out),
                 .groups = static_cast<uint32_t>(groups),
                 .qweight = files_.TensorBytes(codes),
                 .qzeros = files_.TensorBytes(tensors[parts[kZeros]]),
                 .scales = files_.TensorBytes(scales),
                 .group_of = {}};
  const StoredTensor* index = parts[kGroups] == kNone ? nullptr : &tensors[parts[kGroups]];
  INGLE_TRY(made.group_of, GroupsOf(name, index, method.group_size, made.in, made.groups));
  auto matrix = Int4Matrix::Create(std::move(made));
  if (!matrix) {
    Error error = std::move(matrix).error();
    error.message = "Layer '" + name + "' " + error.message;
    return std::unexpected(std::move(error));
  }
  StoredTensor whole = codes;
  whole.name = name + ".weight";
  whole.type = (*matrix)->type();
  whole.dims = {in, out, 1, 1};
  whole.made = static_cast<int32_t>(files_.made_.size());
  files_.made_.push_back(*std::move(matrix));
  files_.tensors_.push_back(std::move(whole));
  return {};
}

}  // namespace ingle
