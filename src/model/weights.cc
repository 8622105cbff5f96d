#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "files/quantized_layers.h"
#include "formats/dequantize.h"
#include "model/config_keys.h"
#include "model/expected_tensors.h"
#include "model/ignored_tensors.h"

namespace ingle {
namespace {

constexpr size_t kProblemsShown = 12;
constexpr int32_t kAbsent = -1;

// The layer that a tensor's name speaks of: "blk.17.x", "model.layers.17.x" -> 17.
std::optional<uint64_t> LayerOfName(std::string_view name) {
  for (size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    uint64_t layer = 0;
    size_t at = dot + 1;
    for (; at < name.size() && name[at] >= '0' && name[at] <= '9' && layer < 1'000'000; ++at)
      layer = layer * 10 + static_cast<uint64_t>(name[at] - '0');
    if (at > dot + 1 && at < name.size() && name[at] == '.') return layer;
  }
  return std::nullopt;
}

std::string ShapeText(std::span<const uint64_t> extents) {
  std::string text = "[";
  for (const uint64_t extent : extents)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

// Collects what does not fit, so that one run names everything.
class Matcher {
 public:
  Matcher(const ModelFiles& file, ModelPlan& plan)
      : file_(file),
        plan_(plan),
        expected_(file, *plan.architecture, plan.blueprint),
        ignored_(IsMultimodal(*plan.architecture, file.metadata())) {
    if (file.metadata().container == Container::kHuggingFace)
      config_ = ReadConfig(*plan.architecture, file.metadata());
  }

  Status Run() {
    plan_.index.assign(plan_.blueprint.layers.size(), {});
    for (auto& row : plan_.index) row.fill(kAbsent);
    std::vector<const StoredTensor*> in_file_order;
    for (const StoredTensor& tensor : file_.tensors()) in_file_order.push_back(&tensor);
    std::ranges::sort(in_file_order, {}, [](const StoredTensor* tensor) {
      return std::pair(tensor->part, tensor->offset);
    });
    for (const StoredTensor* tensor : in_file_order) Match(*tensor);
    for (const std::string& name : expected_.names()) {
      const ExpectedTensor& expected = *expected_.Find(name);
      if (!expected.found && Required(expected)) {
        AddProblem("missing '" + name + "' " + ShapeText(expected_.ShapeOf(expected)) +
                   (Flag(expected.first()).value_or(false)
                        ? ", which '" + std::string(expected.first().flag) + "' asks for"
                        : ""));
      }
    }
    ignored_.AddWarnings(&plan_.warnings);
    WarnOfUnknownKeys();
    return Report();
  }

 private:
  // What config.json, or its class, says of a tensor with a flag.
  std::optional<bool> Flag(const TensorSpec& spec) const {
    if (spec.flag.empty()) return std::nullopt;
    const auto truth = config_.metadata.Bool(spec.flag);
    return truth ? *truth : std::nullopt;
  }

  // An optional weight that one layer has must be in all of them.
  bool Required(const ExpectedTensor& expected) const {
    const TensorSpec& spec = expected.first();
    if (const auto flag = Flag(spec)) return *flag;
    return spec.when == When::kAlways ||
           (spec.per_layer() && slot_seen_[static_cast<size_t>(spec.slot)]);
  }

  void Match(const StoredTensor& tensor) {
    ExpectedTensor* expected = expected_.Find(tensor.name);
    if (expected == nullptr) return Unknown(tensor);
    const bool wanted = Flag(expected->first()).value_or(true);
    if (!wanted && ignored_.IsZeroBias(tensor, file_.TensorBytes(tensor))) return;
    expected->found = true;
    slot_seen_[static_cast<size_t>(expected->first().slot)] = true;
    if (!wanted) {
      return AddProblem("'" + tensor.name + "' is there, but '" +
                        std::string(expected->first().flag) +
                        "' of config.json is false, or is missing, which means the same");
    }
    const std::vector<uint64_t> shape = expected_.ShapeOf(*expected);
    if (expected_.ShapeOf(tensor, shape.size()) != shape) {
      return AddProblem("'" + tensor.name + "' has shape " +
                        ShapeText(std::span(tensor.dims).first(tensor.dimension_count)) +
                        " where the metadata asks for " + ShapeText(shape));
    }
    if (!TypeFits(*expected, tensor)) return;
    for (PlannedTensor& planned : expected_.Cut(*expected, tensor)) {
      if (!Fits(planned)) return;
      plan_.index[planned.layer][static_cast<size_t>(planned.slot)] =
          static_cast<int32_t>(plan_.tensors.size());
      plan_.tensors.push_back(std::move(planned));
    }
  }

  bool TypeFits(const ExpectedTensor& expected, const StoredTensor& tensor) {
    const TensorSpec& spec = expected.first();
    const bool simple =
        tensor.type == DType::kF32 || tensor.type == DType::kF16 || tensor.type == DType::kBF16;
    const bool turned =
        spec.fix == Fix::kTransposedInHf && file_.metadata().container == Container::kHuggingFace;
    if (simple || (spec.rows != Dim::kVector && !turned)) return true;
    unsupported_type_ = true;
    AddProblem("'" + tensor.name + "' is of type " + std::string(Info(tensor.type).name) +
               (spec.rows == Dim::kVector ? "; a vector must be f32, f16 or bf16"
                                          : "; this matrix must be f32, f16 or bf16"));
    return false;
  }

  bool Fits(const PlannedTensor& planned) {
    const TensorView& view = planned.view;
    const bool readable = IsKeptAsFloats(planned.slot)
                              ? FindDequantize(view.type) != nullptr
                              : PackedBytes(view.type, view.rows, view.cols).has_value();
    if (readable) return true;
    unsupported_type_ = true;
    AddProblem("'" + planned.source->name + "' is of type " + std::string(Info(view.type).name) +
               ", which this build cannot multiply with; use a file quantised as q8_0, q4_k_m, "
               "q5_k_m or q6_k");
    return false;
  }

  void WarnOfUnknownKeys() {
    if (config_.unknown.empty()) return;
    std::string names;
    for (size_t i = 0; i < std::min(config_.unknown.size(), kProblemsShown); ++i)
      names += (i > 0 ? ", '" : "'") + config_.unknown[i] + "'";
    if (config_.unknown.size() > kProblemsShown)
      names += " and " + std::to_string(config_.unknown.size() - kProblemsShown) + " more";
    plan_.warnings.push_back(
        "Keys of config.json that models of this class do not have were "
        "ignored: " +
        names + ".");
  }

  void Unknown(const StoredTensor& tensor) {
    if (ignored_.Take(tensor, file_.TensorBytes(tensor))) return;
    const size_t layers = plan_.blueprint.layers.size();
    const auto layer = LayerOfName(tensor.name);
    if (layer && *layer >= layers) {
      return AddProblem(
          "'" + tensor.name + "' belongs to a layer past the " + std::to_string(layers) +
          " that '" +
          KeyName(file_.metadata(), {"{a}.block_count", "num_hidden_layers", "n_layer"}) +
          "' announces");
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
  ExpectedTensors expected_;
  EffectiveConfig config_;  // Of a directory.
  IgnoredTensors ignored_;
  std::array<bool, kSlots> slot_seen_{};
  std::vector<std::string> problems_;
  size_t problem_count_ = 0;
  bool unsupported_type_ = false;
};

std::string EmbeddingName(const ModelFiles& file, const Architecture& architecture) {
  for (const auto& table : architecture.tensors) {
    for (const TensorSpec& spec : table) {
      if (spec.slot != Slot::kTokenEmbedding) continue;
      const bool gguf = file.metadata().container == Container::kGguf;
      return gguf ? std::string(spec.gguf) : RenamingIn(file, architecture).Of(spec);
    }
  }
  return {};
}

// Without a key for it, the vocabulary is as large as the embedding.
Status TakeVocabulary(const ModelFiles& file, const Architecture& architecture,
                      Blueprint& blueprint) {
  if (blueprint.vocab != 0) return {};
  const std::string name = EmbeddingName(file, architecture);
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
  return Fail(
      ErrorCode::kCorruptFile,
      "Tensor '" + name + "' is missing; the file is incomplete: fetch or convert the model again.",
      "", "invalid_model_file");
}

Status CheckRopeFactors(const ModelPlan& plan) {
  for (const Slot slot : {Slot::kRopeFactors, Slot::kRopeFactorsShort, Slot::kRopeFactorsLong}) {
    const PlannedTensor* factors = plan.Find(slot);
    if (factors == nullptr) continue;
    for (const float factor : ReadFloats(*factors)) {
      if (std::isfinite(factor) && factor > 0) continue;
      return Fail(
          ErrorCode::kCorruptFile,
          "Tensor '" + factors->source->name + "' holds " + std::to_string(factor) +
              "; every divisor of a frequency must be positive. Fetch or convert the model again.",
          "", "invalid_model_file");
    }
  }
  return {};
}

// What is supported, after the reason why this model is not.
Error OfArchitecture(Error error, const Architecture& architecture, bool hf) {
  if (error.code != ErrorCode::kUnsupported) return error;
  const auto name = [&](const Architecture& each) {
    return std::string(hf ? each.hf_class : each.gguf_name);
  };
  std::string known;
  for (const Architecture* each : AllArchitectures())
    known += (known.empty() ? "" : ", ") + name(*each);
  error.message = "This model of architecture '" + name(architecture) +
                  "' is not supported: " + error.message + " This build runs " + known +
                  ", without what is named here.";
  return error;
}

Result<const Architecture*> FindSupported(const Metadata& metadata) {
  INGLE_TRY(const Architecture* architecture, FindArchitecture(metadata));
  const auto blueprint = DescribeModel(*architecture, metadata);
  const auto quantization = RefuseQuantization(metadata);
  const bool hf = metadata.container == Container::kHuggingFace;
  if (!blueprint && blueprint.error().code == ErrorCode::kUnsupported)
    return std::unexpected(OfArchitecture(blueprint.error(), *architecture, hf));
  if (!quantization)
    return std::unexpected(OfArchitecture(quantization.error(), *architecture, hf));
  return architecture;
}

// Whether a head of its own is the embedding all the same, byte by byte.
bool HeadIsEmbedding(const ModelFiles& file, const ModelPlan& plan) {
  const PlannedTensor* head = plan.Find(Slot::kOutput);
  const PlannedTensor* embedding = plan.Find(Slot::kTokenEmbedding);
  return head->rows == nullptr && embedding->rows == nullptr &&
         head->view.type == embedding->view.type &&
         std::ranges::equal(file.TensorBytes(*head->source), file.TensorBytes(*embedding->source));
}

// A config.json that says so has a head of its own; the embedding in its place would be a guess.
Status CheckTied(const ModelFiles& file, ModelPlan& plan) {
  if (file.metadata().container != Container::kHuggingFace) return {};
  // The first one is LFM2's, and wins in transformers too.
  constexpr std::string_view kKeys[] = {"tie_embedding", "tie_word_embeddings"};
  for (const std::string_view key : kKeys) {
    INGLE_TRY(const auto tied, file.metadata().Bool(key));
    if (!tied) continue;
    if (*tied && !plan.tied() && !HeadIsEmbedding(file, plan))
      plan.warnings.push_back("'" + std::string(key) +
                              "' of config.json says that the embedding is the head too, but "
                              "'lm_head.weight' holds other values: it is used, as transformers "
                              "does.");
    if (*tied || !plan.tied()) return {};
    return Fail(ErrorCode::kCorruptFile,
                "Tensor 'lm_head.weight' is missing, and '" + std::string(key) +
                    "' of config.json says that the model does not use its embedding in that "
                    "place. Fetch the model again with all its weights; or, if it does share "
                    "them, set '" +
                    std::string(key) + "' to true in config.json.",
                std::string(key), "invalid_model_file");
  }
  if (plan.tied() && !plan.architecture->tied_in_hf)
    plan.warnings.push_back(
        "There is no tensor 'lm_head.weight' and config.json does not say 'tie_word_embeddings': "
        "the embedding is used in its place.");
  return {};
}

Result<ModelPlan> Plan(const ModelFiles& file) {
  ModelPlan plan;
  INGLE_TRY(plan.architecture, FindSupported(file.metadata()));
  // Such files lack the architecture's keys too; that does not make them damaged.
  const bool directory = file.metadata().Has(kTokenizerJsonKey);
  if (file.tensors().empty() && (directory || file.metadata().Has("tokenizer.ggml.tokens")))
    return Fail(
        ErrorCode::kCorruptFile,
        std::string("There is a vocabulary but no weights") +
            (directory ? " (model.safetensors or model.safetensors.index.json is missing)" : "") +
            "; give the path of a whole model.",
        "", "invalid_model_file");
  INGLE_TRY(plan.blueprint, DescribeModel(*plan.architecture, file.metadata()));
  INGLE_RETURN_IF_ERROR(TakeVocabulary(file, *plan.architecture, plan.blueprint));
  INGLE_RETURN_IF_ERROR(Matcher(file, plan).Run());
  INGLE_RETURN_IF_ERROR(CheckTied(file, plan));
  INGLE_RETURN_IF_ERROR(CheckRopeFactors(plan));
  return plan;
}

}  // namespace

const PlannedTensor* ModelPlan::Find(Slot slot, uint32_t layer) const {
  const int32_t at = index[layer][static_cast<size_t>(slot)];
  return at == kAbsent ? nullptr : &tensors[static_cast<size_t>(at)];
}

Status CheckSupported(const Metadata& metadata) {
  const auto architecture = FindSupported(metadata);
  if (architecture) return {};
  return std::unexpected(architecture.error());
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
    if (tensor.added != 0)
      for (float& value : values) value += tensor.added;
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
