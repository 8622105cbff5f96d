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

  // Fill files from its path, a directory, in this order: config.json and generation_config.json;
  // the tokenizer's files and templates; the safetensors.
  Status ReadConfiguration();
  Status ReadText();
  Status ReadWeights();

 private:
  std::string PathOf(std::string_view name) const;
  bool Has(std::string_view name) const;
  // The file's bytes. Errors begin with its path.
  Result<std::string> ReadSmall(std::string_view name, uint64_t bytes_max) const;
  // Nothing where there is no such file.
  void LiftTokens();
  Status AddJson(std::string_view name, std::string_view prefix);
  Status AddTemplates();
  // Of tokenizer_config.json or chat_template.json, whose values begin with `prefix`.
  Status AddTemplatesOfConfig(std::string_view file, std::string_view prefix);
  Result<bool> AddTemplateFiles();
  bool HasTemplate(std::string_view prefix) const;
  Status AddShards();
  Status AddWeightFile(const std::string& name);

  ModelFiles& files_;
};

}  // namespace ingle
