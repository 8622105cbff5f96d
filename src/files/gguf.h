#pragma once
// GGUF version 2 and 3, from untrusted bytes, in two stages: inspect (header, keys and tensor
// table, with limits and checked arithmetic; touches no weights) and map. Format:
// github.com/ggml-org/ggml docs/gguf.md.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "files/stored_tensor.h"
#include "os/mapped_file.h"

namespace ingle {

struct GgufLimits {
  uint64_t keys = 65536;
  uint64_t tensors = 1u << 20;
  uint64_t string_bytes = 16u << 20;
  uint64_t array_elements = 16u << 20;
  uint64_t key_bytes = 65535;            // The format's own limit.
  uint64_t name_bytes = 255;             // Of a tensor; ggml itself allows 63.
  uint64_t metadata_bytes = 256u << 20;  // Memory of all values together, as we keep them.
  uint64_t alignment_min = 8, alignment_max = 1u << 20;
};

using GgufTensor = StoredTensor;

// What stage one learns.
struct GgufHeader {
  uint32_t version = 0;
  uint64_t alignment = 32;
  uint64_t data_offset = 0;  // Where the weights begin.
  Metadata metadata;
  std::vector<GgufTensor>
      tensors;  // In the order of the table; every range lies inside the file, none overlap.
};

// bytes: the whole file. Every failure is kCorruptFile with id
// "invalid_model_file" and the offset in the message.
Result<GgufHeader> InspectGguf(std::span<const std::byte> bytes, const GgufLimits& limits = {});

class GgufFile {
 public:
  const GgufHeader& header() const { return header_; }
  const Metadata& metadata() const { return header_.metadata; }
  std::span<const GgufTensor> tensors() const { return header_.tensors; }
  std::span<const std::byte> TensorBytes(const GgufTensor& tensor) const;
  uint64_t size() const { return map_.size(); }
  const std::string& path() const { return path_; }

  // What the file was made of, for those who hold several (files/model_files.h).
  GgufHeader TakeHeader() && { return std::move(header_); }
  MappedFile TakeMap() && { return std::move(map_); }

 private:
  friend Result<GgufFile> OpenGguf(const std::string& path, const GgufLimits& limits);
  std::string path_;
  MappedFile map_;
  GgufHeader header_;
};

// Errors begin with the path.
Result<GgufFile> OpenGguf(const std::string& path, const GgufLimits& limits = {});

}  // namespace ingle
