#include "cli/model_path.h"

#include <algorithm>
#include <filesystem>

namespace ingle {
namespace {

namespace fs = std::filesystem;

// spark-q8_0.gguf, or whichever spark*.gguf comes first by name.
std::string FindIn(const fs::path& folder) {
  std::error_code error;
  fs::path preferred = folder / "spark-q8_0.gguf";
  if (fs::is_regular_file(preferred, error)) return preferred.string();
  std::string best;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::string name = entry.path().filename().string();
    if (!name.starts_with("spark") || !name.ends_with(".gguf")) continue;
    if (best.empty() || entry.path().string() < best) best = entry.path().string();
  }
  return best;
}

}  // namespace

std::vector<std::string> BundledModelFolders(const std::string& executable) {
  fs::path folder = fs::path(executable).parent_path();
  return {(folder / "models").string(), (folder / "../share/ingle/models").string(),
          INGLE_MODELS_DIR};
}

Result<ModelPath> FindModel(const std::string& model) {
  if (model != kBundledModel) {
    if (model.empty())
      return Fail(ErrorCode::kInvalidRequest,
                  "MODEL is empty; give the path of a GGUF file or of a directory as Hugging Face "
                  "publishes it");
    fs::path path(model);
    if (!path.has_filename()) path = path.parent_path();  // "directory/"
    std::error_code error;
    if (!fs::exists(path, error))
      return Fail(ErrorCode::kNotFound,
                  "there is no file " + model +
                      "; MODEL is the path of a GGUF file or of a directory, or spark");
    return ModelPath{model,
                     path.extension() == ".gguf" ? path.stem().string() : path.filename().string()};
  }
  std::error_code error;
  std::string executable = fs::read_symlink("/proc/self/exe", error).string();
  std::string looked;
  for (const std::string& folder : BundledModelFolders(executable)) {
    std::string found = FindIn(folder);
    if (!found.empty()) return ModelPath{found, kBundledModel};
    looked += "\n  " + folder;
  }
  return Fail(ErrorCode::kNotFound,
              "the bundled model is not installed: there is no spark*.gguf in" + looked +
                  "\nGive the path of a GGUF file or of a Hugging Face directory instead");
}

}  // namespace ingle
