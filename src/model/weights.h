#pragma once
// Matches the tensors of a model file with its architecture's table and checks every one: name,
// shape, type. What comes out is complete and consistent; the decoder packs it without further
// checks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "files/model_files.h"
#include "model/architecture.h"
#include "tensor/packed_matrix.h"

namespace ingle {

// One tensor of the file in its role. Vectors have rows == 1.
struct PlannedTensor {
  Slot slot = Slot::kTokenEmbedding;
  uint32_t layer = 0;  // 0 for slots that are there once.
  uint32_t expert = 0;
  TensorView view;  // data: into the mapped file, or null where `rows` makes them.
  const StoredTensor* source = nullptr;  // For messages, and for ModelFiles::ReleasePages.
  std::shared_ptr<const RowSource> rows;
  float added = 0;  // To every element of a vector, once it is read.
};

struct ModelPlan {
  const Architecture* architecture = nullptr;
  Blueprint blueprint;
  std::vector<PlannedTensor> tensors;  // In file order: read them like this to stream the file.
  std::vector<std::string> warnings;   // What the user should know (tensors ignored on purpose).

  // Null when the model does not have it (optional slots only). Of experts: one of them.
  const PlannedTensor* Find(Slot slot, uint32_t layer = 0) const;
  bool tied() const { return Find(Slot::kOutput) == nullptr; }

  std::vector<std::array<int32_t, kSlots>>
      index;  // [layer][slot] -> tensors, -1: absent. Global slots in row 0.
};

// Whether this build runs models of the kind that the metadata names, as far as the metadata says:
// kUnsupported names the architecture, the reason and what is supported. Damage is for PlanModel.
Status CheckSupported(const Metadata& metadata);

// The files must outlive the plan. Errors name every tensor at fault (up to a dozen), the key, and
// the cure.
Result<ModelPlan> PlanModel(const ModelFiles& files);

// A tensor that PlanModel accepted, as floats: row-major, rows * cols.
std::vector<float> ReadFloats(const PlannedTensor& tensor);

}  // namespace ingle
