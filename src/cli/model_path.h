#pragma once
// MODEL on the command line: a path, or `spark`.

#include <string>
#include <vector>

#include "base/result.h"

namespace ingle {

inline constexpr const char* kBundledModel = "spark";

struct ModelPath {
  std::string path;
  std::string id;  // What the API calls it: "spark", or the file's name without .gguf.
};

// spark is looked for beside the program and in the source tree it was built from, never in the
// working directory.
Result<ModelPath> FindModel(const std::string& model);
// The folders in which spark may lie, given the program's own path.
std::vector<std::string> BundledModelFolders(const std::string& executable);

}  // namespace ingle
