#include <algorithm>
#include <filesystem>
#include <map>

#include "convert/convert.h"
#include "convert/hf_tensors.h"
#include "convert/model_keys.h"
#include "convert/tokenizer_keys.h"
#include "convert/write_model.h"
#include "files/printable.h"

namespace ingle {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // Of ggml's block layouts.

// The type of most weights; what int4 layers become is F16, which keeps their codes and scales.
const FileType& StoredType(const ModelPlan& plan) {
  std::map<DType, uint64_t> weights;
  for (const PlannedTensor& tensor : plan.tensors)
    weights[tensor.view.type] += uint64_t{tensor.view.rows} * tensor.view.cols;
  const auto most =
      std::ranges::max_element(weights, {}, &std::pair<const DType, uint64_t>::second);
  const DType type = IsQuantized(most->first) ? DType::kF16 : most->first;
  return *FileTypeOf(type);
}

std::string NameOf(const std::string& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::canonical(directory, error);
  const std::string name = path.filename().string();
  return IsPlainName(name) && !name.empty() ? name : "model";
}

class DirectoryConverter {
 public:
  DirectoryConverter(const ModelFiles& files, const ModelPlan& plan, const FileType& type)
      : files_(files), plan_(plan), type_(type), name_(WrittenName(*plan.architecture)) {}

  Status AddKeys() {
    GgufKeys& keys = model_.keys;
    keys.String("general.architecture", name_);
    keys.String("general.type", "model");
    keys.String("general.name", NameOf(files_.path()));
    keys.U32("general.file_type", type_.number);
    keys.U32("general.quantization_version", kQuantizationVersion);
    const Metadata& directory = files_.metadata();
    AddModelKeys(name_, plan_.blueprint, keys);
    keys.U32(std::string(name_) + ".vocab_size", plan_.blueprint.vocab);
    INGLE_RETURN_IF_ERROR(
        AddTokenizerKeys(directory, plan_.blueprint.vocab, name_, keys, warnings_));
    INGLE_RETURN_IF_ERROR(AddTemplateKeys(directory, keys));
    AddDefaultKeys(directory, keys, warnings_);
    INGLE_TRY(const Metadata written, keys.Read());
    INGLE_TRY(auto differences, TextDifferences(directory, written));
    std::ranges::move(differences, std::back_inserter(warnings_));
    return {};
  }

  Status AddTensors() {
    const RopeFactors factors = RopeFactorsOf(plan_.blueprint.rope);
    INGLE_TRY(const Metadata keys, model_.keys.Read());
    INGLE_TRY(const Blueprint written, DescribeWritten(keys, plan_.blueprint, factors));
    INGLE_TRY(model_.tensors, TensorsOfDirectory(plan_, written, factors));
    std::vector<GgufTensorEntry> entries;
    for (const OutputTensor& tensor : model_.tensors) entries.push_back(tensor.entry);
    INGLE_TRY(const MixFacts facts, MixFactsOf(keys, entries));
    size_t fell_back = 0;
    for (OutputTensor& tensor : model_.tensors) {
      GgufTensorEntry& entry = tensor.entry;
      if (!IsConvertible(entry.name, entry.dims)) continue;  // F32
      const ChosenType chosen = ChooseType(type_, facts, entry.name, entry.dims);
      entry.type = chosen.type;
      fell_back += chosen.fell_back;
    }
    if (fell_back > 0)
      warnings_.push_back(std::to_string(fell_back) +
                          " tensors are of a larger type, because "
                          "their rows do not fill the blocks of the type they should have");
    NameDequantised();
    NameWindow();
    NameBiases();
    return {};
  }

  const OutputModel& model() const { return model_; }
  std::vector<std::string> TakeWarnings() { return std::move(warnings_); }

 private:
  // llama.cpp computes windows of attention for Gemma, of the architectures that we write.
  void NameWindow() {
    uint32_t window = 0;
    for (const LayerBlueprint& layer : plan_.blueprint.layers)
      window = std::max(window, layer.window);
    if (window == 0 || name_.starts_with("gemma")) return;
    warnings_.push_back("attention sees " + std::to_string(window) +
                        " tokens at a time in this model, and the file says so; llama.cpp does not "
                        "look, so past them it gives other answers");
  }

  // llama.cpp reads all biases of a Llama, and those of q, k and v of every other one.
  void NameBiases() {
    if (name_ == "llama" || name_ == "gpt2") return;
    const bool more = std::ranges::any_of(plan_.tensors, [](const PlannedTensor& tensor) {
      return tensor.slot == Slot::kAttentionOutBias || tensor.slot == Slot::kFfnGateBias ||
             tensor.slot == Slot::kFfnUpBias || tensor.slot == Slot::kFfnDownBias;
    });
    if (more)
      warnings_.push_back("this model has biases that llama.cpp does not know in architecture '" +
                          std::string(name_) +
                          "', and it refuses files with them; this program runs the file");
  }

  void NameDequantised() {
    const auto made = std::ranges::count_if(
        plan_.tensors, [](const PlannedTensor& tensor) { return IsQuantized(tensor.view.type); });
    if (made > 0)
      warnings_.push_back(std::to_string(made) +
                          " int4 layers (GPTQ or AWQ) were dequantised, and "
                          "written as " +
                          std::string(type_.name));
  }

  const ModelFiles& files_;
  const ModelPlan& plan_;
  const FileType& type_;
  std::string_view name_;
  OutputModel model_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<ConvertReport> ConvertDirectory(const std::string& directory, const std::string& output,
                                       const ConvertOptions& options) {
  INGLE_TRY(const ModelFiles files, OpenModelFiles(directory));
  if (files.metadata().container != Container::kHuggingFace) {
    return Fail(ErrorCode::kInvalidRequest,
                directory + " is a GGUF file already; `ingle quantize` gives it another type");
  }
  INGLE_TRY(const ModelPlan plan, PlanModel(files));
  const FileType& type = options.type == nullptr ? StoredType(plan) : *options.type;
  DirectoryConverter converter(files, plan, type);
  INGLE_RETURN_IF_ERROR(converter.AddKeys());
  INGLE_RETURN_IF_ERROR(converter.AddTensors());
  ConvertReport report = ReportOn(files, converter.model(), type);
  report.warnings = plan.warnings;
  std::ranges::move(converter.TakeWarnings(), std::back_inserter(report.warnings));
  INGLE_RETURN_IF_ERROR(WriteModel(files, converter.model(), output, options, &report));
  return report;
}

}  // namespace ingle
