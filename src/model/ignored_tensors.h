#pragma once
// Tensors without a place in an architecture that change nothing, or belong to a part of the model
// that this build does not have: left out, and named.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "files/stored_tensor.h"

namespace ingle {

class IgnoredTensors {
 public:
  // multimodal: tensors of the part that sees images are expected.
  explicit IgnoredTensors(bool multimodal) : multimodal_(multimodal) {}

  // Whether the tensor, which has no place, may be left out. bytes: as stored.
  bool Take(const StoredTensor& tensor, std::span<const std::byte> bytes);
  // Whether it is a bias of zeros, which some quantisers write for every layer.
  bool IsZeroBias(const StoredTensor& tensor, std::span<const std::byte> bytes);
  void AddWarnings(std::vector<std::string>* warnings) const;

 private:
  bool multimodal_;
  size_t vision_ = 0, zero_biases_ = 0;
  std::string first_vision_;
  std::vector<std::string> tables_;
};

}  // namespace ingle
