#include <algorithm>
#include <utility>

#include "convert/convert.h"
#include "convert/write_model.h"
#include "formats/dequantize.h"
#include "formats/quantize.h"

namespace ingle {
namespace {

constexpr uint32_t kQuantizationVersion = 2;  // Of ggml's block layouts.

OutputTensor TensorOf(const ModelFiles& files, const StoredTensor& stored) {
  OutputTensor tensor;
  tensor.entry.name = stored.name;
  tensor.entry.type = stored.type;
  RowsPiece piece{.type = stored.type, .rows = 1, .cols = stored.dims[0]};
  for (uint32_t i = 0; i < stored.dimension_count; ++i) {
    tensor.entry.dims.push_back(stored.dims[i]);
    if (i > 0) piece.rows *= stored.dims[i];
  }
  piece.data = files.TensorBytes(stored).data();
  piece.stored = &stored;
  tensor.pieces.push_back(std::move(piece));
  return tensor;
}

Status CheckChange(const OutputTensor& tensor, DType to, bool allow_requantize) {
  const DType from = tensor.pieces[0].type;
  if (from == to) return {};
  if (FindDequantize(from) == nullptr) {
    return Fail(ErrorCode::kUnsupported,
                "Tensor '" + tensor.entry.name + "' is of type " + std::string(Info(from).name) +
                    ", whose values this build cannot read.",
                {}, "unsupported_model_file");
  }
  if (!IsQuantized(from) || !IsQuantized(to) || allow_requantize) return {};
  return Fail(ErrorCode::kInvalidRequest,
              "tensor '" + tensor.entry.name + "' is quantised already (" +
                  std::string(Info(from).name) + "); quantising it again as " +
                  std::string(Info(to).name) +
                  " loses more than quantising the original would. Start from an F32, F16 or BF16 "
                  "file, or accept the loss with --allow-requantize");
}

Status ChooseTypes(const FileType& type, bool allow_requantize, OutputModel& model,
                   std::vector<std::string>& warnings) {
  INGLE_TRY(const Metadata keys, model.keys.Read());
  std::vector<GgufTensorEntry> entries;
  for (const OutputTensor& tensor : model.tensors) entries.push_back(tensor.entry);
  INGLE_TRY(const MixFacts facts, MixFactsOf(keys, entries));
  size_t fell_back = 0, again = 0;
  for (OutputTensor& tensor : model.tensors) {
    GgufTensorEntry& entry = tensor.entry;
    if (!IsConvertible(entry.name, entry.dims)) continue;
    const ChosenType chosen = ChooseType(type, facts, entry.name, entry.dims);
    INGLE_RETURN_IF_ERROR(CheckChange(tensor, chosen.type, allow_requantize));
    again += IsQuantized(entry.type) && entry.type != chosen.type;
    fell_back += chosen.fell_back;
    entry.type = chosen.type;
  }
  if (fell_back > 0)
    warnings.push_back(std::to_string(fell_back) +
                       " tensors are of a larger type, because their rows do not fill the blocks "
                       "of the type they should have");
  if (again > 0)
    warnings.push_back(std::to_string(again) +
                       " tensors were quantised before: what was lost then stays lost");
  return {};
}

}  // namespace

Result<ConvertReport> QuantizeFile(const std::string& input, const std::string& output,
                                   const ConvertOptions& options) {
  INGLE_TRY(const ModelFiles files, OpenModelFiles(input));
  if (files.metadata().container != Container::kGguf) {
    return Fail(ErrorCode::kInvalidRequest,
                input + " is a directory; `ingle convert` makes a GGUF file of it, of any type");
  }
  if (files.tensors().empty())
    return Fail(ErrorCode::kCorruptFile, input + " holds no weights to quantise.");
  OutputModel model;
  model.must_run = false;  // Types may be changed of models that others run.
  INGLE_RETURN_IF_ERROR(model.keys.CopyFrom(input));
  for (const char* key : {"general.alignment", "split.no", "split.count", "split.tensors.count"})
    model.keys.Remove(key);
  model.keys.U32("general.file_type", options.type->number);
  model.keys.U32("general.quantization_version", kQuantizationVersion);
  for (const StoredTensor& stored : files.tensors())
    model.tensors.push_back(TensorOf(files, stored));
  std::vector<std::string> warnings;
  INGLE_RETURN_IF_ERROR(ChooseTypes(*options.type, options.allow_requantize, model, warnings));
  ConvertReport report = ReportOn(files, model, *options.type);
  report.warnings = std::move(warnings);
  INGLE_RETURN_IF_ERROR(WriteModel(files, model, output, options, &report));
  return report;
}

}  // namespace ingle
