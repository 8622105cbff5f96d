#include "cli/show_model.h"

#include <charconv>
#include <cstdlib>
#include <map>
#include <set>

#include "engine/engine.h"
#include "engine/model_sampling.h"
#include "files/model_files.h"
#include "model/memory_estimate.h"
#include "model/weights.h"

namespace ingle {
namespace {

constexpr size_t kListShown = 16;  // Longer lists (vocabularies, merges) are told by their length.

// Files keep 32-bit floats: 0.95f is shown as 0.95.
double Shortest(double value) {
  auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) != value) return value;
  char text[32];
  *std::to_chars(text, text + sizeof text - 1, narrow).ptr = '\0';
  return std::strtod(text, nullptr);
}

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
          return json::value(Shortest(v));
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

void AddTemplate(const EngineParts& parts, json::object* out) {
  json::array& names = (*out)["chat_templates"].as_array();
  for (const std::string& name : parts.template_names) names.push_back(json::value(name));
  if (!parts.template_error.empty()) (*out)["template_error"] = parts.template_error;
  if (parts.chat_template == nullptr) return;
  (*out)["chat_template"] = parts.chat_template->source();
  (*out)["template_abilities"] = DescribeReport(parts.template_report);
  for (const std::string& line : Shortcomings(parts.template_report))
    (*out)["warnings"].as_array().push_back(
        json::value("the chat template cannot do all: " + line));
}

void AddText(const ModelFiles& file, json::object* out) {
  (*out)["tokenizer"] = nullptr;
  (*out)["end_tokens"] = json::array();
  (*out)["chat_template"] = nullptr;
  (*out)["chat_templates"] = json::array();
  (*out)["template_error"] = nullptr;
  (*out)["template_abilities"] = nullptr;
  json::array& warnings = (*out)["warnings"].emplace_array();
  auto source = file.metadata().String(kChatTemplateKey);
  if (source && *source != nullptr) (*out)["chat_template"] = **source;
  auto parts = LoadTextParts(file.metadata(), "");
  if (!parts) {
    (*out)["tokenizer"] = "not usable: " + parts.error().message;
    return;
  }
  (*out)["tokenizer"] = parts->tokenizer->description;
  json::array& ends = (*out)["end_tokens"].as_array();
  for (const EndToken& token :
       FindEndTokens(*parts->tokenizer, file.metadata(), parts->turn_endings))
    ends.push_back(
        json::object{{"id", token.id}, {"spelling", token.spelling}, {"source", token.source}});
  for (const Warning& warning : parts->warnings) warnings.push_back(json::value(warning.message));
  AddTemplate(*parts, out);
}

Status AddMemory(const ModelPlan& plan, CacheType cache, uint32_t context, json::object* out) {
  INGLE_TRY(MemoryEstimate estimate, EstimateMemory(plan, cache));
  uint64_t tokens = context != 0 ? context : plan.blueprint.context_max;
  uint64_t cache_bytes = estimate.cache_bytes_per_token * tokens;
  (*out)["parameters"] = estimate.parameters;
  (*out)["memory"] =
      json::object{{"context", tokens},
                   {"weight_bytes", estimate.weight_bytes},
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
  const ModelDefaults defaults = FindModelDefaults(file.metadata());
  out["sampling"] = DescribeDefaults(defaults);
  for (const Warning& warning : defaults.warnings)
    out["warnings"].as_array().push_back(json::value(warning.message));
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
