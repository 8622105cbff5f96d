// Any bytes: InspectSafetensors answers with tensors that cover the data exactly, or with an error.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "files/safetensors.h"

// The first two bytes say how much of the rest is "data"; the header is what remains.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint64_t data_bytes = static_cast<uint64_t>(data[0]) << 8 | data[1];
  const std::string_view header(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto tensors = ingle::InspectSafetensors(header, 8 + header.size(), data_bytes);
  if (!tensors) {
    if (tensors.error().message.empty() || tensors.error().id.empty()) std::abort();
    return 0;
  }
  uint64_t end = 8 + header.size();
  for (const ingle::StoredTensor& tensor : *tensors) {
    if (tensor.offset != end || tensor.bytes == 0 || tensor.dimension_count > 4) std::abort();
    end += tensor.bytes;
  }
  if (end != 8 + header.size() + data_bytes) std::abort();
  return 0;
}
