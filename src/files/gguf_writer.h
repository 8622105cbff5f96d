#pragma once
// Writes GGUF version 3: keys, tensor table and where each tensor's bytes go. Format:
// github.com/ggml-org/ggml docs/gguf.md. The weights themselves are for whoever has them.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "formats/dtype.h"

namespace ingle {

// Keys in the order in which they were first set; setting one again replaces its value.
class GgufKeys {
 public:
  void U32(std::string_view key, uint32_t value);
  void I32(std::string_view key, int32_t value);
  void F32(std::string_view key, float value);
  void Bool(std::string_view key, bool value);
  void String(std::string_view key, std::string_view value);
  void U32s(std::string_view key, std::span<const uint32_t> values);
  void I32s(std::string_view key, std::span<const int32_t> values);
  void F32s(std::string_view key, std::span<const float> values);
  void I8s(std::string_view key, std::string_view bytes);
  void Strings(std::string_view key, std::span<const std::string> values);
  void Remove(std::string_view key);
  bool Has(std::string_view key) const;
  // Every key of a GGUF file that was inspected before, value by value as it stands there.
  Status CopyFrom(const std::string& path);

  size_t count() const { return entries_.size(); }
  std::string Bytes() const;
  // As a reader sees them.
  Result<Metadata> Read() const;

 private:
  void Set(std::string_view key, uint32_t kind, std::string payload);

  std::vector<std::pair<std::string, std::string>> entries_;  // Name; kind and value.
};

struct GgufTensorEntry {
  std::string name;
  std::vector<uint64_t> dims;  // The fastest first; rows are whole blocks of the type.
  DType type = DType::kF32;

  uint64_t row_bytes() const;
  uint64_t bytes() const;
};

struct GgufLayout {
  std::string header;             // Up to the first tensor's bytes.
  std::vector<uint64_t> offsets;  // In the file, of each tensor.
  uint64_t file_bytes = 0;
};

// Tensors lie one after the other, each at a multiple of this.
inline constexpr uint64_t kGgufAlignment = 32;

GgufLayout LayOutGguf(const GgufKeys& keys, std::span<const GgufTensorEntry> tensors);

}  // namespace ingle
