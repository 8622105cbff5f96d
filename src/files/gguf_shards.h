#pragma once
// A GGUF file, or all files of a split one ("model-00001-of-00003.gguf" and its siblings), as one
// model. Keys split.no, split.count, split.tensors.count: llama.cpp, tools/gguf-split.

#include "files/gguf.h"
#include "files/model_files.h"

namespace ingle {

class GgufShards {
 public:
  explicit GgufShards(ModelFiles& files) : files_(files) {}

  // Fills files from its path.
  Status Read();

 private:
  Result<uint64_t> Number(const Metadata& metadata, std::string_view key) const;
  Status AddShard(const std::string& path, uint64_t index, uint64_t count);
  void Take(GgufFile file);

  ModelFiles& files_;
};

}  // namespace ingle
