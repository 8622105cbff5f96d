// Engine::Load: from a model file to an engine that answers.

#include <algorithm>

#include "engine/engine.h"
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

std::string SpellingOf(const Tokenizer& tokenizer, std::optional<TokenId> id) {
  return id ? std::string(tokenizer.Spelling(*id)) : std::string();
}

// A template that does not compile leaves a model that completes text; chat says why it cannot.
Status AddTemplate(std::string_view source, EngineParts* parts) {
  auto compiled = CompileChatTemplate(source, SpellingOf(*parts->tokenizer, parts->tokenizer->bos),
                                      SpellingOf(*parts->tokenizer, parts->tokenizer->eos));
  if (!compiled) {
    parts->template_error = compiled.error().message;
    return {};
  }
  parts->chat_template = std::move(*compiled);
  parts->turn_endings = TurnEndings(*parts->chat_template);
  return {};
}

void AddWarnings(const std::vector<std::string>& messages, EngineParts* parts) {
  for (const std::string& message : messages)
    parts->warnings.push_back({"model_file", "model", message});
}

}  // namespace

Result<EngineParts> LoadTextParts(const Metadata& metadata, const std::string& chat_template) {
  EngineParts parts;
  INGLE_TRY(parts.tokenizer, LoadTokenizer(metadata));
  std::string_view source = chat_template;
  if (source.empty()) {
    INGLE_TRY(const std::string* own, metadata.String(kChatTemplateKey));
    if (own != nullptr) source = *own;
  }
  if (!source.empty()) INGLE_RETURN_IF_ERROR(AddTemplate(source, &parts));
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
  INGLE_TRY(const ModelFiles files, OpenModelFiles(path));
  // What is wrong shows before gigabytes are packed.
  INGLE_TRY(EngineParts parts, LoadTextParts(files.metadata(), options.chat_template));
  INGLE_TRY(const ModelPlan plan, PlanModel(files));
  model_options.cache_tokens = ChooseCacheTokens(plan, options);
  INGLE_TRY(LoadedModel loaded, LoadModel(files, model_options));
  AddWarnings(loaded.warnings, &parts);
  parts.model = std::move(loaded.model);
  parts.metadata = std::move(loaded.metadata);
  return Create(std::move(parts), options);
}

}  // namespace ingle
