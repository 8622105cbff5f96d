#include "files/printable.h"
#include "model/architecture.h"

namespace ingle {

extern const Architecture kLlama, kQwen2, kQwen3, kSmolLm3;

std::span<const Architecture* const> AllArchitectures() {
  static constexpr const Architecture* kAll[] = {&kLlama, &kQwen2, &kQwen3, &kSmolLm3};
  return kAll;
}

Result<const Architecture*> FindArchitecture(const Metadata& metadata) {
  const std::string key = "general.architecture";
  INGLE_TRY(const std::string* name, metadata.String(key));
  if (name == nullptr) {
    return Fail(
        ErrorCode::kCorruptFile,
        "Key 'general.architecture' is missing, so nothing says what kind of model this is; "
        "convert the model again.",
        key, "invalid_model_file");
  }
  std::string known;
  for (const Architecture* architecture : AllArchitectures()) {
    if (architecture->gguf_name == *name) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(architecture->gguf_name);
  }
  return Fail(ErrorCode::kUnsupported,
              "Architecture '" + Printable(*name) +
                  "' (key 'general.architecture') is not supported; this build runs " + known + ".",
              key);
}

}  // namespace ingle
