#pragma once
// One entry of a model's tensor table, whatever container it came from.

#include <array>
#include <cstdint>
#include <string>

#include "formats/dtype.h"

namespace ingle {

struct StoredTensor {
  std::string name;
  DType type = DType::kF32;
  uint32_t dimension_count = 1;  // 1 to 4
  // dims[0] runs fastest, as GGUF writes it: a Hugging Face shape of [rows, cols] is {cols, rows}
  // here. None is 0; those past dimension_count are 1.
  std::array<uint64_t, 4> dims{1, 1, 1, 1};
  uint32_t part = 0;    // Which of the model's files it lies in.
  uint64_t offset = 0;  // From the start of that file.
  uint64_t bytes = 0;   // In the file, of its first part where several make it.
  int32_t made = -1;    // Not -1: ModelFiles::RowsOf makes its rows.
};

// Sets tensor.bytes from its type and extents; what is wrong with them as the end of a sentence
// about the tensor ("has rows of ...").
std::string SizeStoredTensor(StoredTensor& tensor);

}  // namespace ingle
