#include "files/printable.h"
#include "model/architecture.h"

namespace ingle {

extern const Architecture kLlama, kQwen2, kQwen3, kSmolLm3, kGemma2, kGemma3, kGpt2, kLfm2,
    kLfm2Moe, kMistral, kPhi3, kQwen3Moe;

std::span<const Architecture* const> AllArchitectures() {
  static constexpr const Architecture* kAll[] = {&kLlama,   &kQwen2,   &kQwen3, &kSmolLm3,
                                                 &kGemma2,  &kGemma3,  &kGpt2,  &kLfm2,
                                                 &kLfm2Moe, &kMistral, &kPhi3,  &kQwen3Moe};
  return kAll;
}

namespace {

// The name in the file, empty when it has none. A config.json lists classes; the first one counts.
Result<std::string> NameIn(const Metadata& metadata, const std::string& key) {
  if (metadata.container == Container::kHuggingFace) {
    INGLE_TRY(const auto* classes, metadata.Strings(key));
    return classes == nullptr || classes->empty() ? std::string() : classes->front();
  }
  INGLE_TRY(const std::string* name, metadata.String(key));
  return name == nullptr ? std::string() : *name;
}

}  // namespace

Result<const Architecture*> FindArchitecture(const Metadata& metadata) {
  const bool hf = metadata.container == Container::kHuggingFace;
  const std::string key = hf ? "architectures" : "general.architecture";
  INGLE_TRY(const std::string name, NameIn(metadata, key));
  if (name.empty()) {
    return Fail(ErrorCode::kCorruptFile,
                "Key '" + key + "' is missing, so nothing says what kind of model this is; " +
                    (hf ? "fetch the model again." : "convert the model again."),
                key, "invalid_model_file");
  }
  std::string known;
  for (const Architecture* architecture : AllArchitectures()) {
    const std::string_view own = hf ? architecture->hf_class : architecture->gguf_name;
    if (own == name || (hf && architecture->hf_multimodal == name)) return architecture;
    known += (known.empty() ? "" : ", ") + std::string(own);
  }
  return Fail(ErrorCode::kUnsupported,
              "Architecture '" + Printable(name) + "' (key '" + key +
                  "') is not supported; this build runs " + known + ".",
              key);
}

}  // namespace ingle
