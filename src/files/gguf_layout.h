#pragma once
// Where the tensors of a GGUF file lie: every range inside the file, no two overlapping, no name
// twice.

#include <cstdint>

#include "base/result.h"
#include "files/gguf.h"

namespace ingle {

// header_end: the first byte after the tensor table. Sets data_offset and makes every tensor's
// offset one into the file.
Status PlaceTensors(uint64_t header_end, uint64_t file_bytes, GgufHeader& header);

}  // namespace ingle
