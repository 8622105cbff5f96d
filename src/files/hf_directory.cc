#include "files/hf_directory.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <system_error>
#include <utility>

#include "base/json.h"
#include "files/flat_json.h"
#include "files/gguf_cursor.h"
#include "files/printable.h"
#include "files/safetensors.h"

namespace ingle {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kConfigBytesMax = 32u << 20;
constexpr uint64_t kTokenizerBytesMax = 128u << 20;
constexpr uint64_t kTemplateBytesMax = 4u << 20;
constexpr size_t kTemplatesMax = 64;
constexpr size_t kShardsMax = 4096;
constexpr std::string_view kTemplateJsonPrefix = "chat_template_json.";
constexpr std::string_view kWhole = "model.safetensors", kIndex = "model.safetensors.index.json";

// The names of the directory's files that end so, sorted.
std::vector<std::string> NamesEndingWith(const std::string& directory, std::string_view suffix,
                                         size_t count_max) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.ends_with(suffix) && names.size() < count_max) names.push_back(std::move(name));
  }
  std::ranges::sort(names);
  return names;
}

// A name within the directory, not a path out of it.
bool IsFileName(std::string_view name) {
  return !name.empty() && name.find('/') == std::string_view::npos && IsPlainName(name) &&
         name.ends_with(".safetensors");
}

}  // namespace

std::string HfDirectory::PathOf(std::string_view name) const {
  const std::string& path = files_.path_;
  return path + (path.ends_with('/') ? "" : "/") + std::string(name);
}

bool HfDirectory::Has(std::string_view name) const {
  std::error_code error;
  return fs::exists(PathOf(name), error);
}

Result<std::string> HfDirectory::ReadSmall(std::string_view name, uint64_t bytes_max) const {
  INGLE_TRY(const RegularFile file, RegularFile::Open(PathOf(name)));
  if (file.size() > bytes_max) {
    return BadModelFile(PathOf(name) + " has " + std::to_string(file.size()) +
                        " bytes; the limit is " + std::to_string(bytes_max) + ".");
  }
  std::string text(file.size(), '\0');
  INGLE_RETURN_IF_ERROR(file.ReadAt(0, std::as_writable_bytes(std::span(text))));
  if (const auto bad = FindInvalidUtf8(text)) {
    return BadModelFile(PathOf(name) + " is not UTF-8 at byte " + std::to_string(*bad) + ".");
  }
  return text;
}

Status HfDirectory::AddJson(std::string_view name, std::string_view prefix) {
  if (!Has(name)) return {};
  INGLE_TRY(const std::string text, ReadSmall(name, kConfigBytesMax));
  return AddFlatJson(text, PathOf(name), std::string(prefix), &files_.metadata_);
}

Status HfDirectory::ReadConfiguration() {
  if (!Has("config.json")) {
    const auto gguf = NamesEndingWith(files_.path_, ".gguf", 16);
    std::string cure =
        "give the path of a GGUF file or of a directory as Hugging Face publishes it";
    if (!gguf.empty()) cure = "it holds GGUF files; name one: " + PathOf(gguf[0]);
    return Fail(ErrorCode::kCorruptFile,
                files_.path_ + " is a directory without a config.json; " + cure + ".", {},
                "not_a_model");
  }
  files_.metadata_.container = Container::kHuggingFace;
  INGLE_RETURN_IF_ERROR(AddJson("config.json", ""));
  LiftTokens();
  const auto first_quantization = files_.metadata_.values.lower_bound(kQuantizationPrefix);
  if (first_quantization == files_.metadata_.values.end() ||
      !first_quantization->first.starts_with(kQuantizationPrefix)) {
    INGLE_RETURN_IF_ERROR(AddJson("quantize_config.json", kQuantizationPrefix));
  }
  return AddJson("generation_config.json", kGenerationConfigPrefix);
}

// A multimodal model's config may name tokens in its language part only.
void HfDirectory::LiftTokens() {
  Metadata& metadata = files_.metadata_;
  for (const std::string name : {"bos_token_id", "eos_token_id", "pad_token_id"})
    if (const MetadataValue* value = metadata.Find("text_config." + name))
      metadata.values.try_emplace(name, *value);
}

Status HfDirectory::ReadText() {
  INGLE_RETURN_IF_ERROR(AddJson("tokenizer_config.json", kTokenizerConfigPrefix));
  INGLE_RETURN_IF_ERROR(AddJson("special_tokens_map.json", kSpecialTokensPrefix));
  if (Has("tokenizer.json")) {
    INGLE_TRY(std::string text, ReadSmall("tokenizer.json", kTokenizerBytesMax));
    files_.metadata_.values[std::string(kTokenizerJsonKey)] = std::move(text);
  }
  return AddTemplates();
}

// transformers' order: template files replace all that tokenizer_config.json holds. A
// chat_template.json, which multi-modal models have, comes last.
Status HfDirectory::AddTemplates() {
  INGLE_TRY(const bool files, AddTemplateFiles());
  const bool config = !files && HasTemplate(kTokenizerConfigPrefix);
  if (config)
    INGLE_RETURN_IF_ERROR(AddTemplatesOfConfig("tokenizer_config.json", kTokenizerConfigPrefix));
  if (!files && !config) {
    INGLE_RETURN_IF_ERROR(AddJson("chat_template.json", kTemplateJsonPrefix));
    INGLE_RETURN_IF_ERROR(AddTemplatesOfConfig("chat_template.json", kTemplateJsonPrefix));
  }
  // The templates have keys of their own now.
  for (const std::string_view prefix : {kTokenizerConfigPrefix, kTemplateJsonPrefix})
    std::erase_if(files_.metadata_.values,
                  [name = std::string(prefix) + "chat_template"](auto& pair) {
                    return pair.first == name || pair.first.starts_with(name + ".");
                  });
  return {};
}

bool HfDirectory::HasTemplate(std::string_view prefix) const {
  const auto& values = files_.metadata_.values;
  const std::string name = std::string(prefix) + "chat_template";
  const auto first = values.lower_bound(name);
  return first != values.end() && (first->first == name || first->first.starts_with(name + "."));
}

// One text, or a list of objects with name and template.
Status HfDirectory::AddTemplatesOfConfig(std::string_view file, std::string_view prefix) {
  if (!HasTemplate(prefix)) return {};
  auto& values = files_.metadata_.values;
  const std::string name = std::string(prefix) + "chat_template";
  if (const auto* text = std::get_if<std::string>(files_.metadata_.Find(name))) {
    values[std::string(kChatTemplateKey)] = *text;
    return {};
  }
  for (size_t i = 0; i < kTemplatesMax; ++i) {
    const std::string entry = name + "." + std::to_string(i) + ".";
    const auto first = values.lower_bound(entry);
    if (i > 0 && (first == values.end() || !first->first.starts_with(entry))) break;
    const auto* label = std::get_if<std::string>(files_.metadata_.Find(entry + "name"));
    const auto* text = std::get_if<std::string>(files_.metadata_.Find(entry + "template"));
    if (label == nullptr || text == nullptr || !IsPlainName(*label)) {
      return BadModelFile(PathOf(file) + ": chat_template must be a text or a list of objects, " +
                          "each with the texts name and template; fetch the file again.");
    }
    values[*label == "default" ? std::string(kChatTemplateKey)
                               : std::string(kNamedTemplatePrefix) + *label] = std::string(*text);
  }
  return {};
}

// True: there are some.
Result<bool> HfDirectory::AddTemplateFiles() {
  auto& values = files_.metadata_.values;
  bool found = Has("chat_template.jinja");
  if (found) {
    INGLE_TRY(values[std::string(kChatTemplateKey)],
              ReadSmall("chat_template.jinja", kTemplateBytesMax));
  }
  constexpr std::string_view kFolder = "additional_chat_templates/", kSuffix = ".jinja";
  for (const std::string& name : NamesEndingWith(PathOf(kFolder), kSuffix, kTemplatesMax)) {
    INGLE_TRY(std::string text, ReadSmall(std::string(kFolder) + name, kTemplateBytesMax));
    const std::string label = name.substr(0, name.size() - kSuffix.size());
    if (!IsPlainName(label)) continue;
    values[label == "default" ? std::string(kChatTemplateKey)
                              : std::string(kNamedTemplatePrefix) + label] = std::move(text);
    found = true;
  }
  return found;
}

Status HfDirectory::AddWeightFile(const std::string& name) {
  INGLE_TRY(SafetensorsFile opened, OpenSafetensors(PathOf(name)));
  const auto part = static_cast<uint32_t>(files_.maps_.size());
  for (StoredTensor& tensor : opened.tensors) {
    tensor.part = part;
    files_.tensors_.push_back(std::move(tensor));
  }
  files_.maps_.push_back(std::move(opened.map));
  return {};
}

// transformers' order: one file before a sharded one. Older quantised models name their one file as
// they like.
Status HfDirectory::ReadWeights() {
  files_.format_ = "safetensors";
  if (Has(kWhole)) return AddWeightFile(std::string(kWhole));
  if (Has(kIndex)) return AddShards();
  const auto others = NamesEndingWith(files_.path_, ".safetensors", 2);
  if (others.size() == 1) return AddWeightFile(others[0]);
  if (!others.empty()) {
    return BadModelFile(files_.path_ + " holds several safetensors files but no " +
                        std::string(kIndex) +
                        " that says which belong together; fetch the directory again.");
  }
  if (!NamesEndingWith(files_.path_, ".bin", 1).empty()) {
    return Fail(ErrorCode::kUnsupported,
                files_.path_ +
                    " has its weights as pickled .bin files, which can run any program when read; "
                    "use a version of the model in safetensors.",
                {}, "unsupported_model_file");
  }
  return {};  // A vocabulary without weights; whoever wants weights says that they are missing.
}

Status HfDirectory::AddShards() {
  INGLE_TRY(const std::string text, ReadSmall(kIndex, kConfigBytesMax));
  const std::string path = PathOf(kIndex);
  auto parsed = ParseJson(text, path);
  if (!parsed) return BadModelFile(std::move(parsed).error().message + ".");
  const json::object* root = parsed->if_object();
  const json::value* map = root == nullptr ? nullptr : root->if_contains("weight_map");
  if (map == nullptr || !map->is_object())
    return BadModelFile(path + " lacks the object 'weight_map'; fetch the directory again.");
  std::map<std::string, uint32_t, std::less<>> parts;  // By name, which is the order of the shards.
  for (const auto& [tensor, file] : map->as_object()) {
    if (!file.is_string() || !IsFileName(file.as_string())) {
      return BadModelFile(path + " places tensor '" + Printable(tensor) +
                          "' in something else than a .safetensors file of the directory.");
    }
    parts.emplace(file.as_string(), 0);
  }
  if (parts.size() > kShardsMax) {
    return BadModelFile(path + " names " + std::to_string(parts.size()) + " files; the limit is " +
                        std::to_string(kShardsMax) + ".");
  }
  std::map<std::string_view, uint32_t> part_of;
  for (auto& [name, part] : parts) {
    part = static_cast<uint32_t>(files_.maps_.size());
    if (!Has(name)) {
      return BadModelFile(PathOf(name) + " does not exist, and " + std::string(kIndex) +
                          " names it; fetch the directory again.");
    }
    INGLE_RETURN_IF_ERROR(AddWeightFile(name));
  }
  for (const StoredTensor& tensor : files_.tensors_) part_of.emplace(tensor.name, tensor.part);
  for (const auto& [tensor, file] : map->as_object()) {
    const auto found = part_of.find(std::string_view(tensor));
    if (found != part_of.end() && found->second == parts.find(file.as_string())->second) continue;
    return BadModelFile(path + " places tensor '" + Printable(tensor) + "' in " +
                        std::string(file.as_string()) +
                        ", which does not hold it; fetch the directory again.");
  }
  files_.format_ += " in " + std::to_string(parts.size()) + " files";
  return {};
}

}  // namespace ingle
