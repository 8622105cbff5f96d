#pragma once
// Safetensors, from untrusted bytes: a header in JSON (names, types, shapes, offsets) and the bytes
// of the tensors. Format: huggingface.co/docs/safetensors, "Format".

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/stored_tensor.h"
#include "os/mapped_file.h"

namespace ingle {

struct SafetensorsLimits {
  uint64_t header_bytes = 32u << 20;
  uint64_t tensors = 1u << 18;
  uint64_t name_bytes = 255;
};

// header: the JSON between the length and the data. data_bytes: what follows it in the file.
// data_offset: where that begins. Tensors come in the order of their offsets and cover the data
// without a gap. Every failure is kCorruptFile ("invalid_model_file"); a type that does not exist
// is kUnsupported.
Result<std::vector<StoredTensor>> InspectSafetensors(std::string_view header, uint64_t data_offset,
                                                     uint64_t data_bytes,
                                                     const SafetensorsLimits& limits = {});

struct SafetensorsFile {
  MappedFile map;
  std::vector<StoredTensor> tensors;
};

// Errors begin with the path.
Result<SafetensorsFile> OpenSafetensors(const std::string& path,
                                        const SafetensorsLimits& limits = {});

}  // namespace ingle
