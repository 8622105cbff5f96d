#include "chat/template_choice.h"

#include <algorithm>

namespace ingle {
namespace {

constexpr std::string_view kMetadataKey = "tokenizer.chat_template";

const NamedTemplate* Find(std::span<const NamedTemplate> templates, std::string_view name) {
  auto found = std::ranges::find(templates, name, &NamedTemplate::name);
  return found == templates.end() ? nullptr : &*found;
}

// Replaces a template of the same name.
void Put(std::vector<NamedTemplate>& templates, NamedTemplate added) {
  auto found = std::ranges::find(templates, added.name, &NamedTemplate::name);
  if (found == templates.end())
    templates.push_back(std::move(added));
  else
    *found = std::move(added);
}

std::string Names(std::span<const NamedTemplate> templates) {
  std::string names;
  for (const NamedTemplate& each : templates)
    names += (names.empty() ? "'" : ", '") + each.name.substr(0, 60) + "'";
  return names;
}

// Two compiled templates: one for conversations with tools, one for all others.
class TemplatePair final : public ChatTemplate {
 public:
  TemplatePair(std::unique_ptr<ChatTemplate> plain, std::unique_ptr<ChatTemplate> tools)
      : plain_(std::move(plain)), tools_(std::move(tools)) {}

  Result<std::vector<TextSpan>> Render(const json::array& messages, const json::array& tools,
                                       const RenderOptions& options) const override {
    const bool with_tools = !tools.empty() || options.pass_empty_tools;
    return (with_tools ? tools_ : plain_)->Render(messages, tools, options);
  }
  std::string_view source() const override { return plain_->source(); }
  bool Uses(std::string_view variable) const override {
    return plain_->Uses(variable) || tools_->Uses(variable);
  }

 private:
  std::unique_ptr<ChatTemplate> plain_, tools_;
};

}  // namespace

std::vector<NamedTemplate> TemplatesOfMetadata(
    std::span<const std::pair<std::string, std::string>> texts) {
  std::vector<NamedTemplate> templates;
  for (const auto& [key, source] : texts) {
    std::string_view rest = key;
    if (!rest.starts_with(kMetadataKey)) continue;
    rest.remove_prefix(kMetadataKey.size());
    if (rest.empty())
      Put(templates, {std::string(kDefaultTemplate), source});
    else if (rest.starts_with('.') && rest.size() > 1)
      Put(templates, {std::string(rest.substr(1)), source});
  }
  return templates;
}

Result<const NamedTemplate*> ChooseTemplate(std::span<const NamedTemplate> templates,
                                            bool with_tools, std::string_view wanted) {
  if (!wanted.empty()) {
    if (const NamedTemplate* found = Find(templates, wanted)) return found;
    return Fail(ErrorCode::kInvalidRequest,
                "the model has no chat template named '" + std::string(wanted.substr(0, 60)) +
                    "'; it has " + (templates.empty() ? "none" : Names(templates)),
                "chat_template");
  }
  if (templates.size() == 1) return &templates.front();
  if (const NamedTemplate* tools = Find(templates, kToolTemplate); with_tools && tools != nullptr)
    return tools;
  if (const NamedTemplate* found = Find(templates, kDefaultTemplate)) return found;
  return Fail(ErrorCode::kInvalidRequest,
              templates.empty() ? "the model has no chat template"
                                : "the model has several chat templates and none is the default; "
                                  "name one of " +
                                      Names(templates),
              "chat_template");
}

Result<std::unique_ptr<ChatTemplate>> CompileTemplates(std::span<const NamedTemplate> templates,
                                                       const TemplateTokens& tokens) {
  INGLE_TRY(const NamedTemplate* plain, ChooseTemplate(templates, false));
  INGLE_TRY(const NamedTemplate* with_tools, ChooseTemplate(templates, true));
  auto compile = [&](const NamedTemplate& each) {
    auto compiled = CompileChatTemplate(each.source, tokens);
    if (!compiled && templates.size() > 1)
      compiled.error().message =
          "the chat template '" + each.name.substr(0, 60) + "': " + compiled.error().message;
    return compiled;
  };
  INGLE_TRY(std::unique_ptr<ChatTemplate> first, compile(*plain));
  if (with_tools == plain) return first;
  INGLE_TRY(std::unique_ptr<ChatTemplate> second, compile(*with_tools));
  return std::make_unique<TemplatePair>(std::move(first), std::move(second));
}

}  // namespace ingle
