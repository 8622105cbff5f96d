#include "cli/show_model.h"

#include <map>
#include <set>

#include "engine/engine.h"
#include "engine/text_facts.h"
#include "files/model_files.h"
#include "model/memory_estimate.h"
#include "model/weights.h"

namespace ingle {
namespace {

constexpr size_t kListShown = 16;  // Longer lists (vocabularies, merges) are told by their length.

template <class T>
json::value ListValue(const std::vector<T>& list) {
  if (list.size() > kListShown) return json::value("[" + std::to_string(list.size()) + " values]");
  json::array array;
  for (const auto& element : list) array.push_back(json::value(T(element)));
  return array;
}

json::value ToJson(const MetadataValue& value) {
  return std::visit(
      [](const auto& v) -> json::value {
        using V = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<V, std::string>)
          return json::value(v);
        else if constexpr (std::is_same_v<V, double>)
          return json::value(ShortestDouble(v));
        else if constexpr (std::is_arithmetic_v<V>)
          return json::value(v);
        else
          return ListValue(v);
      },
      value);
}

json::object MetadataJson(const Metadata& metadata) {
  const std::string added = std::string(kTokenizerConfigPrefix) + "added_tokens_decoder";
  json::object object;
  std::set<std::string> added_tokens;  // Thousands of values: told by their number.
  for (const auto& [key, value] : metadata.values) {
    if (key.starts_with(kChatTemplateKey) || key == kTokenizerJsonKey) continue;
    if (key.starts_with(added + "."))
      added_tokens.insert(key.substr(0, key.find('.', added.size() + 1)));
    else
      object[key] = ToJson(value);
  }
  if (!added_tokens.empty()) object[added] = "[" + std::to_string(added_tokens.size()) + " values]";
  return object;
}

// As the file names it.
json::value ArchitectureOf(const Metadata& metadata) {
  if (auto name = metadata.String("general.architecture"); name && *name != nullptr)
    return json::value(**name);
  if (auto names = metadata.Strings("architectures"); names && *names != nullptr)
    return json::value((*names)->front());
  return nullptr;
}

json::object TensorTypes(const ModelFiles& file, uint64_t* parameters) {
  std::map<std::string, uint64_t> counts;
  for (const StoredTensor& tensor : file.tensors()) {
    ++counts[std::string(Info(tensor.type).name)];
    uint64_t weights = 1;
    for (uint64_t dim : tensor.dims) weights *= dim;
    *parameters += weights;
  }
  json::object object;
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

void AddText(const ModelFiles& file, json::object* out) {
  const Metadata& metadata = file.metadata();
  const ModelDefaults defaults = FindModelDefaults(metadata);
  (*out)["chat_template"] = nullptr;
  auto source = metadata.String(kChatTemplateKey);
  if (source && *source != nullptr) (*out)["chat_template"] = **source;
  json::object facts = DescribeText(defaults);
  auto parts = LoadTextParts(metadata, "");
  if (parts) {
    (*out)["tokenizer"] = parts->tokenizer->description;
    const auto ends = FindEndTokens(*parts->tokenizer, metadata, parts->turn_endings);
    if (parts->chat_template != nullptr) (*out)["chat_template"] = parts->chat_template->source();
    facts = DescribeText(*parts, ends, defaults, {});
  } else {
    (*out)["tokenizer"] = "not usable: " + parts.error().message;
  }
  for (auto& [key, value] : facts) (*out)[key] = std::move(value);
  for (const Warning& warning : defaults.warnings)
    (*out)["warnings"].as_array().push_back(json::value(warning.message));
}

Status AddMemory(const ModelPlan& plan, CacheType cache, uint32_t context, json::object* out) {
  INGLE_TRY(MemoryEstimate estimate, EstimateMemory(plan, cache));
  uint64_t tokens = context != 0 ? context : plan.blueprint.context_max;
  uint64_t cache_bytes = estimate.cache_bytes_per_token * tokens;
  (*out)["parameters"] = estimate.parameters;
  (*out)["memory"] =
      json::object{{"context", tokens},
                   {"weight_bytes", estimate.weight_bytes},
                   {"cache_type", kCacheFormatNames[estimate.cache_format]},
                   {"cache_bytes_per_token", estimate.cache_bytes_per_token},
                   {"cache_bytes", cache_bytes},
                   {"working_bytes", estimate.working_bytes},
                   {"total_bytes", estimate.weight_bytes + cache_bytes + estimate.working_bytes}};
  for (const std::string& warning : plan.warnings)
    (*out)["warnings"].as_array().push_back(json::value(warning));
  return {};
}

// Weights in a form that cannot be read do not hide the rest.
Result<ModelFiles> OpenForShow(const std::string& path) {
  auto whole = OpenModelFiles(path);
  if (whole || whole.error().code != ErrorCode::kUnsupported) return whole;
  return OpenModelFiles(path, {.weights = false});
}

}  // namespace

Result<json::object> DescribeModel(const std::string& path, CacheType cache, uint32_t context) {
  INGLE_TRY(ModelFiles file, OpenForShow(path));
  json::object out;
  uint64_t parameters = 0;
  out["path"] = path;
  out["file_bytes"] = file.size();
  out["format"] = file.format();
  if (file.gguf_version() != 0) out["gguf_version"] = file.gguf_version();
  out["runs"] = "yes";
  json::object types = TensorTypes(file, &parameters);
  out["parameters"] = parameters;
  AddText(file, &out);
  auto plan = PlanModel(file);
  if (!plan)
    out["runs"] = "no: " + plan.error().message;
  else
    INGLE_RETURN_IF_ERROR(AddMemory(*plan, cache, context, &out));
  out["architecture"] = ArchitectureOf(file.metadata());
  out["tensor_types"] = std::move(types);
  out["metadata"] = MetadataJson(file.metadata());
  return out;
}

}  // namespace ingle
