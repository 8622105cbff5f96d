#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "files/quantized_layers.h"
#include "formats/dequantize.h"

namespace ingle {
namespace {

constexpr size_t kProblemsShown = 12;
constexpr int32_t kAbsent = -1;

// Tensors that some converters write and nobody needs: tables that are computed anew here.
constexpr std::string_view kIgnoredSuffixes[] = {".attn_rot_embd.weight"};

std::string WithLayer(std::string_view pattern, uint32_t layer) {
  std::string name(pattern);
  if (const size_t at = name.find("{}"); at != std::string::npos)
    name.replace(at, 2, std::to_string(layer));
  return name;
}

// The layer that a tensor's name speaks of: "blk.17.x" -> 17.
std::optional<uint64_t> LayerOfName(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  uint64_t layer = 0;
  size_t at = kPrefix.size();
  for (; at < name.size() && name[at] >= '0' && name[at] <= '9' && layer < 1'000'000; ++at) {
    layer = layer * 10 + static_cast<uint64_t>(name[at] - '0');
  }
  if (at == kPrefix.size() || at == name.size() || name[at] != '.') return std::nullopt;
  return layer;
}

std::string ShapeText(std::span<const uint64_t> extents) {
  std::string text = "[";
  for (const uint64_t extent : extents)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

struct Expected {
  const TensorSpec* spec = nullptr;
  uint32_t layer = 0;
  bool found = false;
};

// Collects what does not fit, so that one run names everything.
class Matcher {
 public:
  Matcher(const ModelFiles& file, ModelPlan& plan) : file_(file), plan_(plan) {}

  Status Run() {
    Expect();
    plan_.index.assign(plan_.blueprint.layers.size(), {});
    for (auto& row : plan_.index) row.fill(kAbsent);
    std::vector<const StoredTensor*> in_file_order;
    for (const StoredTensor& tensor : file_.tensors()) in_file_order.push_back(&tensor);
    std::ranges::sort(in_file_order, {}, [](const StoredTensor* tensor) {
      return std::pair(tensor->part, tensor->offset);
    });
    for (const StoredTensor* tensor : in_file_order) Match(*tensor);
    for (const std::string& name : order_) {
      const Expected& expected = expected_.at(name);
      if (!expected.found && Required(expected)) {
        AddProblem("missing '" + name + "' " + ShapeText(ShapeOf(expected)));
      }
    }
    return Report();
  }

 private:
  void Expect() {
    for (const auto& table : plan_.architecture->tensors) {
      for (const TensorSpec& spec : table) {
        const uint32_t count =
            spec.per_layer() ? static_cast<uint32_t>(plan_.blueprint.layers.size()) : 1;
        for (uint32_t layer = 0; layer < count; ++layer) {
          if (NameIn(spec).empty()) continue;
          order_.push_back(WithLayer(NameIn(spec), layer));
          expected_[order_.back()] = {&spec, layer, false};
        }
      }
    }
  }

  std::string_view NameIn(const TensorSpec& spec) const {
    return file_.metadata().container == Container::kGguf ? spec.gguf : spec.hf;
  }

  // An optional weight that one layer has must be in all of them.
  bool Required(const Expected& expected) const {
    return expected.spec->when == When::kAlways ||
           (expected.spec->per_layer() && slot_seen_[static_cast<size_t>(expected.spec->slot)]);
  }

  // As GGUF writes it: cols first.
  std::vector<uint64_t> ShapeOf(const Expected& expected) const {
    const uint64_t cols = Extent(expected.spec->cols, plan_.blueprint, expected.layer);
    if (expected.spec->rows == Dim::kVector) return {cols};
    return {cols, Extent(expected.spec->rows, plan_.blueprint, expected.layer)};
  }

  void Match(const StoredTensor& tensor) {
    const auto found = expected_.find(tensor.name);
    if (found == expected_.end()) return Unknown(tensor);
    Expected& expected = found->second;
    expected.found = true;
    slot_seen_[static_cast<size_t>(expected.spec->slot)] = true;
    const std::vector<uint64_t> shape = ShapeOf(expected);
    for (size_t i = 0; i < tensor.dims.size(); ++i) {
      if (tensor.dims[i] == (i < shape.size() ? shape[i] : 1)) continue;
      return AddProblem("'" + tensor.name + "' has shape " +
                        ShapeText(std::span(tensor.dims).first(tensor.dimension_count)) +
                        " where the metadata asks for " + ShapeText(shape));
    }
    const uint32_t rows = shape.size() > 1 ? static_cast<uint32_t>(shape[1]) : 1;
    const uint32_t cols = static_cast<uint32_t>(shape[0]);
    if (!TypeFits(*expected.spec, tensor, rows, cols)) return;
    plan_.index[expected.layer][static_cast<size_t>(expected.spec->slot)] =
        static_cast<int32_t>(plan_.tensors.size());
    plan_.tensors.push_back({expected.spec->slot, expected.layer,
                             TensorView{tensor.type, rows, cols, file_.TensorBytes(tensor).data()},
                             &tensor, nullptr});
  }

  bool TypeFits(const TensorSpec& spec, const StoredTensor& tensor, uint32_t rows, uint32_t cols) {
    const std::string type(Info(tensor.type).name);
    if (spec.rows == Dim::kVector) {
      if (tensor.type == DType::kF32 || tensor.type == DType::kF16 || tensor.type == DType::kBF16)
        return true;
      unsupported_type_ = true;
      AddProblem("'" + tensor.name + "' is of type " + type +
                 "; a vector must be f32, f16 or bf16");
      return false;
    }
    if (PackedBytes(tensor.type, rows, cols)) return true;
    unsupported_type_ = true;
    AddProblem("'" + tensor.name + "' is of type " + type +
               ", which this build cannot multiply with; use a file quantised as q8_0, q4_k_m, "
               "q5_k_m or q6_k");
    return false;
  }

  void Unknown(const StoredTensor& tensor) {
    for (const std::string_view suffix : kIgnoredSuffixes) {
      if (!tensor.name.ends_with(suffix)) continue;
      plan_.warnings.push_back("Tensor '" + tensor.name + "' is not needed and was ignored.");
      return;
    }
    const size_t layers = plan_.blueprint.layers.size();
    const auto layer = LayerOfName(tensor.name);
    if (layer && *layer >= layers) {
      return AddProblem("'" + tensor.name + "' belongs to a layer past the " +
                        std::to_string(layers) + " that '" +
                        KeyName(file_.metadata(), {"{a}.block_count", ""}) + "' announces");
    }
    AddProblem("unknown '" + tensor.name + "': it has no place in architecture '" +
               std::string(plan_.architecture->gguf_name) +
               "', and leaving it out would give wrong answers");
  }

  void AddProblem(std::string text) {
    if (++problem_count_ <= kProblemsShown) problems_.push_back(std::move(text));
  }

  Status Report() const {
    if (problem_count_ == 0) return {};
    std::string text =
        std::to_string(problem_count_) + (problem_count_ == 1 ? " tensor does" : " tensors do") +
        " not fit architecture '" + std::string(plan_.architecture->gguf_name) + "':";
    for (const std::string& problem : problems_) text += "\n  " + problem;
    if (problem_count_ > problems_.size()) {
      text += "\n  and " + std::to_string(problem_count_ - problems_.size()) + " more";
    }
    if (unsupported_type_) return Fail(ErrorCode::kUnsupported, text, "", "unsupported_model_file");
    text +=
        "\nThe file is incomplete, or its converter and this build disagree: fetch or convert the "
        "model again.";
    return Fail(ErrorCode::kCorruptFile, text, "", "invalid_model_file");
  }

  const ModelFiles& file_;
  ModelPlan& plan_;
  std::unordered_map<std::string, Expected>
      expected_;  // Our names, not the file's: nobody can make them collide.
  std::vector<std::string> order_;
  std::array<bool, kSlots> slot_seen_{};
  std::vector<std::string> problems_;
  size_t problem_count_ = 0;
  bool unsupported_type_ = false;
};

std::string_view EmbeddingName(const Metadata& metadata, const Architecture& architecture) {
  for (const auto& table : architecture.tensors) {
    for (const TensorSpec& spec : table) {
      if (spec.slot == Slot::kTokenEmbedding)
        return metadata.container == Container::kGguf ? spec.gguf : spec.hf;
    }
  }
  return {};
}

// Without a key for it, the vocabulary is as large as the embedding.
Status TakeVocabulary(const ModelFiles& file, const Architecture& architecture,
                      Blueprint& blueprint) {
  if (blueprint.vocab != 0) return {};
  const std::string name(EmbeddingName(file.metadata(), architecture));
  if (const StoredTensor* tensor = file.FindTensor(name)) {
    if (tensor->dims[1] > kVocabMax) {
      return Fail(ErrorCode::kCorruptFile,
                  "Tensor '" + name + "' has " + std::to_string(tensor->dims[1]) +
                      " rows; the limit is " + std::to_string(kVocabMax) + ".",
                  "", "invalid_model_file");
    }
    blueprint.vocab = static_cast<uint32_t>(tensor->dims[1]);
    return {};
  }
  return Fail(ErrorCode::kCorruptFile,
              file.tensors().empty()
                  ? "The model holds a vocabulary but no weights; give the path of a whole model."
                  : "Tensor '" + name +
                        "' is missing; the file is incomplete: fetch or convert the model again.",
              "", "invalid_model_file");
}

Status CheckRopeFactors(const ModelPlan& plan) {
  const PlannedTensor* factors = plan.Find(Slot::kRopeFactors);
  if (factors == nullptr) return {};
  for (const float factor : ReadFloats(*factors)) {
    if (std::isfinite(factor) && factor > 0) continue;
    return Fail(
        ErrorCode::kCorruptFile,
        "Tensor '" + factors->source->name + "' holds " + std::to_string(factor) +
            "; every divisor of a frequency must be positive. Fetch or convert the model again.",
        "", "invalid_model_file");
  }
  return {};
}

Result<ModelPlan> Plan(const ModelFiles& file) {
  ModelPlan plan;
  INGLE_RETURN_IF_ERROR(RefuseQuantization(file.metadata()));
  INGLE_TRY(plan.architecture, FindArchitecture(file.metadata()));
  INGLE_TRY(plan.blueprint, plan.architecture->describe(file.metadata()));
  if (file.tensors().empty()) plan.blueprint.vocab = 0;
  INGLE_RETURN_IF_ERROR(TakeVocabulary(file, *plan.architecture, plan.blueprint));
  INGLE_RETURN_IF_ERROR(Matcher(file, plan).Run());
  INGLE_RETURN_IF_ERROR(CheckRopeFactors(plan));
  return plan;
}

}  // namespace

const PlannedTensor* ModelPlan::Find(Slot slot, uint32_t layer) const {
  const int32_t at = index[layer][static_cast<size_t>(slot)];
  return at == kAbsent ? nullptr : &tensors[static_cast<size_t>(at)];
}

Result<ModelPlan> PlanModel(const ModelFiles& file) {
  auto plan = Plan(file);
  if (plan) return plan;
  Error error = std::move(plan).error();
  error.message = file.path() + ": " + error.message;
  return std::unexpected(std::move(error));
}

std::vector<float> ReadFloats(const PlannedTensor& tensor) {
  const TensorView& view = tensor.view;
  std::vector<float> values(size_t{view.rows} * view.cols);
  const DequantizeFunction dequantize = FindDequantize(view.type);
  if (dequantize == nullptr) return values;
  if (tensor.rows == nullptr) {
    dequantize(view.data, values.size(), values.data());
    return values;
  }
  std::vector<std::byte> row(RowBytes(view));
  for (uint32_t r = 0; r < view.rows; ++r) {
    tensor.rows->Read(r, r + 1, row.data());
    dequantize(row.data(), view.cols, &values[size_t{r} * view.cols]);
  }
  return values;
}

}  // namespace ingle
