// Any bytes: InspectGguf answers with a header whose tensors lie inside the file, or with an error.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "files/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto header = ingle::InspectGguf(std::as_bytes(std::span(data, size)));
  if (!header) {
    if (header.error().message.empty() || header.error().id != "invalid_model_file") std::abort();
    return 0;
  }
  for (const ingle::GgufTensor& tensor : header->tensors) {
    if (tensor.offset > size || tensor.bytes > size - tensor.offset || tensor.bytes == 0)
      std::abort();
  }
  for (const auto& [key, value] : header->metadata.values) {
    // Every reader answers for every kind of value.
    (void)header->metadata.Unsigned(key);
    (void)header->metadata.Number(key);
    (void)header->metadata.Bool(key);
    (void)header->metadata.String(key);
    (void)header->metadata.Strings(key);
    (void)header->metadata.Numbers(key);
    (void)header->metadata.Integers(key);
  }
  return 0;
}
