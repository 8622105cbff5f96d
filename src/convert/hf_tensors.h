#pragma once
// The tensors of a GGUF file made of those of a Hugging Face directory, by the tables of the
// architecture, which name every weight in both containers.

#include <vector>

#include "base/result.h"
#include "convert/model_keys.h"
#include "convert/output_tensor.h"
#include "model/weights.h"

namespace ingle {

// written: the model as the file's keys describe it. Every entry has the type F32 yet. In the order
// of the layers, what is there once first.
Result<std::vector<OutputTensor>> TensorsOfDirectory(const ModelPlan& plan,
                                                     const Blueprint& written,
                                                     const RopeFactors& factors);

}  // namespace ingle
