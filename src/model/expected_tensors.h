#pragma once
// The tensors that a model's files must hold, by name, and what each of them is cut into.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/weights.h"

namespace ingle {

// A weight that lies in a stored tensor.
struct TensorPart {
  const TensorSpec* spec = nullptr;
  uint32_t layer = 0, expert = 0;
};

// How the names in a directory differ from those of the table: `without` their first characters,
// and behind `prefix`.
struct Renaming {
  size_t without = 0;
  std::string_view prefix, head_prefix;  // Of the output head, which loses no characters.

  std::string Of(const TensorSpec& spec) const;
};
// Some publish a model without the first word of its tensors' names ("transformer."); a multimodal
// model has its language part under "language_model.".
Renaming RenamingIn(const ModelFiles& files, const Architecture& architecture);

struct ExpectedTensor {
  std::vector<TensorPart> parts;  // Row after row, or element after element of a vector.
  bool stacked = false;           // The parts of all experts, one expert after the other.
  bool found = false;

  const TensorSpec& first() const { return *parts.front().spec; }
};

class ExpectedTensors {
 public:
  ExpectedTensors(const ModelFiles& files, const Architecture& architecture,
                  const Blueprint& blueprint);

  ExpectedTensor* Find(const std::string& name);
  // In the order of the architecture's tables.
  const std::vector<std::string>& names() const { return names_; }

  // As it must be stored, the fastest extent first.
  std::vector<uint64_t> ShapeOf(const ExpectedTensor& expected) const;
  // A stored tensor's own, without the extents of 1 that some files write between others.
  std::vector<uint64_t> ShapeOf(const StoredTensor& tensor, size_t dimensions) const;
  // The weights in a stored tensor of the right shape.
  std::vector<PlannedTensor> Cut(const ExpectedTensor& expected, const StoredTensor& tensor) const;

 private:
  void Add(const TensorSpec& spec, uint32_t layer);
  void Add(std::string name, const TensorPart& part, bool stacked);
  std::string PatternOf(const TensorSpec& spec) const;
  uint64_t Rows(const TensorPart& part) const;
  uint64_t Cols(const TensorPart& part) const;
  bool IsTransposed(const TensorSpec& spec) const;

  const ModelFiles& files_;
  const Blueprint& blueprint_;
  bool hf_;
  Renaming renaming_;
  std::unordered_map<std::string, ExpectedTensor>
      by_name_;  // Our names, not the file's: nobody can make them collide.
  std::vector<std::string> names_;
};

}  // namespace ingle
