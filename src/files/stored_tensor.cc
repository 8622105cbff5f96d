#include "files/stored_tensor.h"

#include <limits>
#include <optional>

#include "base/checked.h"

namespace ingle {

std::string SizeStoredTensor(StoredTensor& tensor) {
  const DTypeInfo& type = Info(tensor.type);
  if (tensor.dims[0] % type.block_weights != 0) {
    return "has rows of " + std::to_string(tensor.dims[0]) + " weights; type " +
           std::string(type.name) + " stores blocks of " + std::to_string(type.block_weights) + ".";
  }
  std::optional<uint64_t> elements = 1;
  for (const uint64_t extent : tensor.dims)
    elements = elements ? CheckedMultiply(*elements, extent) : elements;
  std::optional<uint64_t> bytes;
  if (elements) bytes = CheckedMultiply<uint64_t>(*elements / type.block_weights, type.block_bytes);
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (!bytes || *elements > kMax || *bytes > kMax)
    return "has a size overflow, its dimensions multiply to more than 2^63 bytes.";
  tensor.bytes = *bytes;
  return {};
}

}  // namespace ingle
