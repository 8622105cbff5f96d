#pragma once
// The int4 layers of a directory that GPTQ or AWQ quantised: "x.qweight", "x.qzeros", "x.scales"
// (and "x.g_idx") become one matrix "x.weight". What the model says about itself is in its metadata
// under "quantization_config." (config.json, or quantize_config.json).

#include "files/model_files.h"

namespace ingle {

class QuantizedLayers {
 public:
  explicit QuantizedLayers(ModelFiles& files) : files_(files) {}

  // Before the tensors are indexed by name. Nothing where the model is not quantised, or in a way
  // that RefuseQuantization names.
  Status Assemble();

 private:
  struct Layer;  // Its parts, by index into the tensors.
  Status AssembleLayer(const std::string& name, const Layer& layer);
  // Each input's group: as the index says, or (null) group_size inputs after another.
  Result<std::vector<uint32_t>> GroupsOf(const std::string& name, const StoredTensor* index,
                                         int64_t group_size, uint32_t in, uint32_t groups) const;

  ModelFiles& files_;
};

// kUnsupported, naming the method, for quantised models that this build cannot compute.
Status RefuseQuantization(const Metadata& metadata);

}  // namespace ingle
