#include "files/gguf_layout.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "base/checked.h"
#include "files/gguf_cursor.h"

namespace ingle {
namespace {

std::string Number(uint64_t value) { return std::to_string(value); }

// Turns offsets into the data section into offsets into the file, and checks the ends.
Status SetOffsets(uint64_t header_end, uint64_t file_bytes, GgufHeader& header) {
  const uint64_t mask = header.alignment - 1;
  header.data_offset = (header_end + mask) & ~mask;  // header_end <= file_bytes: no wrap.
  for (GgufTensor& tensor : header.tensors) {
    const auto begin = CheckedAdd(header.data_offset, tensor.offset);
    const auto end = begin ? CheckedAdd(*begin, tensor.bytes) : begin;
    if (!end || *end > file_bytes) {
      return BadModelFile("Tensor '" + tensor.name + "' (" + Number(tensor.bytes) +
                          " bytes at offset " + Number(tensor.offset) + " of the data at byte " +
                          Number(header.data_offset) +
                          ") reaches past the end of the file at byte " + Number(file_bytes) +
                          ". The file is truncated or damaged: fetch it again.");
    }
    tensor.offset = *begin;
  }
  return {};
}

Status RefuseRepeatedNames(const std::vector<GgufTensor>& tensors) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto name = [&](uint32_t i) -> const std::string& { return tensors[i].name; };
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return name(a) < name(b); });
  const auto twin = std::adjacent_find(order.begin(), order.end(),
                                       [&](uint32_t a, uint32_t b) { return name(a) == name(b); });
  if (twin == order.end()) return {};
  return BadModelFile("Tensor '" + name(*twin) + "' appears twice.");
}

Status RefuseOverlaps(const std::vector<GgufTensor>& tensors) {
  std::vector<uint32_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return tensors[a].offset < tensors[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const GgufTensor& before = tensors[order[i - 1]];
    const GgufTensor& after = tensors[order[i]];
    if (before.offset + before.bytes > after.offset) {
      return BadModelFile("Tensors '" + before.name + "' and '" + after.name +
                          "' overlap at byte " + Number(after.offset) + " of the file.");
    }
  }
  return {};
}

}  // namespace

Status PlaceTensors(uint64_t header_end, uint64_t file_bytes, GgufHeader& header) {
  INGLE_RETURN_IF_ERROR(SetOffsets(header_end, file_bytes, header));
  INGLE_RETURN_IF_ERROR(RefuseRepeatedNames(header.tensors));
  return RefuseOverlaps(header.tensors);
}

}  // namespace ingle
