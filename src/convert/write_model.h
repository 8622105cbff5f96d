#pragma once
// The last step of every conversion: types are chosen, the file is written and read again.

#include <string>
#include <vector>

#include "convert/convert.h"
#include "convert/output_tensor.h"
#include "files/model_files.h"

namespace ingle {

struct OutputModel {
  GgufKeys keys;
  std::vector<OutputTensor> tensors;  // entry.type: the type that --type gives them.
  // Whether the file must be a model that runs here, and not only one whose header is sound.
  bool must_run = true;
};

// Sums up what will be written.
ConvertReport ReportOn(const ModelFiles& input, const OutputModel& model, const FileType& type);

Status WriteModel(const ModelFiles& input, const OutputModel& model, const std::string& output,
                  const ConvertOptions& options, ConvertReport* report);

}  // namespace ingle
