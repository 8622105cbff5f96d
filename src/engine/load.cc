// Engine::Load: from a model file to an engine that answers.

#include <algorithm>

#include "chat/template_choice.h"
#include "engine/engine.h"
#include "engine/template_tokens.h"
#include "files/model_files.h"
#include "model/weights.h"

namespace ingle {
namespace {

// By default the cache holds one full context, and at least this many tokens per sequence that may
// run: its memory is taken page by page, as it is used.
constexpr uint64_t kCacheTokensPerSequence = 1024;

// The tokens that all sequences may hold together.
uint64_t ChooseCacheTokens(const ModelPlan& plan, const EngineOptions& options) {
  if (options.model.cache_tokens != 0) return options.model.cache_tokens;
  const uint64_t context = options.context != 0 ? options.context : plan.blueprint.context_max;
  return std::max(context, kCacheTokensPerSequence * options.max_sequences);
}

// A template that does not compile leaves a model that completes text; chat says why it cannot.
void AddTemplates(std::span<const NamedTemplate> templates, const Metadata& metadata,
                  EngineParts* parts) {
  for (const NamedTemplate& each : templates) parts->template_names.push_back(each.name);
  auto compiled = CompileTemplates(templates, FindTemplateTokens(metadata, *parts->tokenizer));
  if (!compiled) {
    parts->template_error = compiled.error().message;
    return;
  }
  parts->chat_template = std::move(*compiled);
  parts->turn_endings = TurnEndings(*parts->chat_template);
  parts->template_report = TestTemplate(*parts->chat_template);
}

// The model's own, by name.
Result<std::vector<NamedTemplate>> OwnTemplates(const Metadata& metadata) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (auto at = metadata.values.lower_bound(kChatTemplateKey);
       at != metadata.values.end() && at->first.starts_with(kChatTemplateKey); ++at) {
    const bool variant = at->first.starts_with(kNamedTemplatePrefix);
    if (at->first != kChatTemplateKey && !variant) continue;  // A list of the variants' names.
    INGLE_TRY(const std::string* text, metadata.String(at->first));
    if (!text->empty()) texts.emplace_back(at->first, *text);
  }
  return TemplatesOfMetadata(texts);
}

void AddWarnings(const std::vector<std::string>& messages, EngineParts* parts) {
  for (const std::string& message : messages)
    parts->warnings.push_back({"model_file", "model", message});
}

}  // namespace

Result<EngineParts> LoadTextParts(const Metadata& metadata, const std::string& chat_template) {
  EngineParts parts;
  INGLE_TRY(parts.tokenizer, LoadTokenizer(metadata));
  std::vector<NamedTemplate> templates{{std::string(kDefaultTemplate), chat_template}};
  if (chat_template.empty()) {
    INGLE_TRY(templates, OwnTemplates(metadata));
  }
  if (!templates.empty()) AddTemplates(templates, metadata, &parts);
  if (!chat_template.empty() && !parts.template_error.empty())
    return Fail(ErrorCode::kInvalidRequest,
                "the chat template that was named cannot be used: " + parts.template_error,
                "chat_template");
  AddWarnings(parts.tokenizer->warnings, &parts);
  return parts;
}

Result<std::unique_ptr<Engine>> Engine::Load(const std::string& path,
                                             const EngineOptions& options) {
  ModelOptions model_options = options.model;
  INGLE_TRY(const ModelFiles files, OpenModelFiles(path, {.check = CheckSupported}));
  // What is wrong shows before gigabytes are packed: first whether this build runs such a model.
  INGLE_TRY(const ModelPlan plan, PlanModel(files));
  auto text = LoadTextParts(files.metadata(), options.chat_template);
  if (!text && text.error().param != "chat_template")
    text.error().message = path + ": " + text.error().message;
  INGLE_TRY(EngineParts parts, std::move(text));
  model_options.cache_tokens = ChooseCacheTokens(plan, options);
  INGLE_TRY(LoadedModel loaded, LoadModel(files, model_options));
  AddWarnings(loaded.warnings, &parts);
  parts.model = std::move(loaded.model);
  parts.metadata = std::move(loaded.metadata);
  return Create(std::move(parts), options);
}

}  // namespace ingle
