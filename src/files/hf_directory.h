#pragma once
// A directory as Hugging Face publishes a model: config.json, safetensors (in one file or sharded
// with an index), tokenizer.json and the small files that go with them.

#include <string>
#include <string_view>

#include "files/model_files.h"

namespace ingle {

class HfDirectory {
 public:
  explicit HfDirectory(ModelFiles& files) : files_(files) {}

  // Fills files from its path, a directory.
  Status Read();

 private:
  std::string PathOf(std::string_view name) const;
  bool Has(std::string_view name) const;
  // The file's bytes. Errors begin with its path.
  Result<std::string> ReadSmall(std::string_view name, uint64_t bytes_max) const;
  // Nothing where there is no such file.
  Status AddJson(std::string_view name, std::string_view prefix);
  Status AddText();
  Status AddTemplates();
  Status AddTemplateFiles();
  Status AddWeights();
  Status AddShards();
  Status AddWeightFile(const std::string& name);

  ModelFiles& files_;
};

}  // namespace ingle
