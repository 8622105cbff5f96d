// Any bytes as the head of a pack cache: it is taken over only when every field is what the reader
// expects, and then it is what a writer would have written.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "model/pack_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  ingle::PackHead head;
  head.model = {1, 2};
  head.stamp = {3, 4};
  head.weight_bytes = data[0] * (ingle::kPackBlockBytes / 3);
  const uint64_t file_bytes = ingle::PackFileBytes(head.weight_bytes) + (data[1] == 1 ? 1 : 0);
  const std::span bytes = std::as_bytes(std::span(data + 2, size - 2));
  const ingle::PackFault fault = ingle::ReadPackHead(bytes, file_bytes, head);
  if (fault != ingle::PackFault::kNone) {
    if (!head.sums.empty()) std::abort();
    // What is right but for the checksums: of any values, they come back.
    for (uint64_t i = 0; i < ingle::PackBlocks(head.weight_bytes); ++i)
      head.sums.push_back(i < bytes.size() ? data[i + 2] : i);
    const auto written = ingle::WritePackHead(head);
    ingle::PackHead again = head;
    again.sums.clear();
    if (data[1] != 1 &&
        (ingle::ReadPackHead(written, file_bytes, again) != ingle::PackFault::kNone ||
         again.sums != head.sums))
      std::abort();
    return 0;
  }
  if (!std::ranges::equal(ingle::WritePackHead(head), bytes)) std::abort();
  return 0;
}
