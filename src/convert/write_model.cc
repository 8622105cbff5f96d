#include "convert/write_model.h"

#include <algorithm>
#include <filesystem>

#include "convert/tensor_stream.h"
#include "model/weights.h"
#include "os/atomic_file.h"

namespace ingle {
namespace {

// What we wrote must be what we can read, before it gets its name.
Status ReadAgain(const std::string& path, bool must_run) {
  INGLE_TRY(const ModelFiles files, OpenModelFiles(path));
  if (!must_run) return {};
  const auto plan = PlanModel(files);
  if (!plan) return std::unexpected(plan.error());
  return {};
}

}  // namespace

ConvertReport ReportOn(const ModelFiles& input, const OutputModel& model, const FileType& type) {
  ConvertReport report;
  report.file_type = type.name;
  report.input_bytes = input.size();
  for (const OutputTensor& tensor : model.tensors) {
    const std::string name(Info(tensor.entry.type).name);
    auto at = std::ranges::find(report.types, name, &TypeTotal::type);
    if (at == report.types.end()) at = report.types.insert(at, TypeTotal{name});
    ++at->tensors;
    at->bytes += tensor.entry.bytes();
    for (const RowsPiece& piece : tensor.pieces) report.weights += piece.rows * piece.cols;
  }
  std::ranges::sort(report.types, std::greater<>(), &TypeTotal::bytes);
  return report;
}

Status WriteModel(const ModelFiles& input, const OutputModel& model, const std::string& output,
                  const ConvertOptions& options, ConvertReport* report) {
  std::error_code error;
  if (std::filesystem::equivalent(input.path(), output, error))
    return Fail(ErrorCode::kInvalidRequest,
                output + " is the model that is read; give another name for the output");
  std::vector<GgufTensorEntry> entries;
  for (const OutputTensor& tensor : model.tensors) entries.push_back(tensor.entry);
  const GgufLayout layout = LayOutGguf(model.keys, entries);
  INGLE_TRY(AtomicFile file, AtomicFile::Create(output, options.replace, layout.file_bytes));
  StreamOptions stream{.threads = options.threads, .progress = {}};
  stream.progress = [&](const OutputTensor& tensor, uint64_t written) {
    return options.progress == nullptr ||
           options.progress(tensor.entry.name, written, layout.file_bytes);
  };
  INGLE_RETURN_IF_ERROR(WriteTensors(input, model.tensors, layout, stream, file));
  if (auto read = ReadAgain(file.temporary_path(), model.must_run); !read) {
    return Fail(ErrorCode::kInternal,
                "the converted file is not what it should be, so it was removed; please report "
                "this: " +
                    read.error().message);
  }
  report->output_bytes = file.size();
  return file.Commit();
}

}  // namespace ingle
