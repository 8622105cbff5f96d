#pragma once
// From a model that can be read here to a GGUF file, which llama.cpp reads as well.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "convert/file_type.h"

namespace ingle {

struct ConvertOptions {
  const FileType* type = nullptr;  // Null: the type that most weights are stored in.
  bool replace = false;            // An existing output may go.
  bool allow_requantize = false;   // From one quantised type to another, which costs quality.
  uint32_t threads = 1;
  // Now and then, and at the end; false gives up. Null: nobody looks.
  std::function<bool(const std::string& tensor, uint64_t written, uint64_t total)> progress;
};

struct TypeTotal {
  std::string type;
  size_t tensors = 0;
  uint64_t bytes = 0;
};

struct ConvertReport {
  std::string file_type;
  uint64_t weights = 0, input_bytes = 0, output_bytes = 0;
  std::vector<TypeTotal> types;       // The largest first.
  std::vector<std::string> warnings;  // What the output lacks, and what was taken differently.
};

// A directory as Hugging Face publishes it. What GGUF cannot express is refused before anything is
// written; what was written is read again before it gets its name.
Result<ConvertReport> ConvertDirectory(const std::string& directory, const std::string& output,
                                       const ConvertOptions& options);

// A GGUF file, or the first of a split one. options.type is not null.
Result<ConvertReport> QuantizeFile(const std::string& input, const std::string& output,
                                   const ConvertOptions& options);

}  // namespace ingle
