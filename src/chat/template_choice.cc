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

Result<std::string> TextField(const json::object& object, std::string_view field,
                              const std::string& path) {
  const json::value* value = object.if_contains(field);
  if (value == nullptr || !value->is_string())
    return Fail(ErrorCode::kCorruptFile, path + "." + std::string(field) + " must be a text");
  return std::string(value->get_string());
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
      Put(templates, {std::string(kDefaultTemplate), source, key});
    else if (rest.starts_with('.') && rest.size() > 1)
      Put(templates, {std::string(rest.substr(1)), source, key});
  }
  return templates;
}

Result<std::vector<NamedTemplate>> TemplatesOfConfig(const json::value& chat_template,
                                                     std::string_view file) {
  std::vector<NamedTemplate> templates;
  const std::string path = std::string(file) + ": chat_template";
  if (chat_template.is_null()) return templates;
  if (const json::string* source = chat_template.if_string()) {
    templates.push_back({std::string(kDefaultTemplate), std::string(*source), std::string(file)});
    return templates;
  }
  const json::array* list = chat_template.if_array();
  if (list == nullptr)
    return Fail(ErrorCode::kCorruptFile,
                path + " must be a text or a list of objects with name and template");
  for (size_t i = 0; i < list->size(); i++) {
    const std::string place = path + "[" + std::to_string(i) + "]";
    const json::object* entry = (*list)[i].if_object();
    if (entry == nullptr)
      return Fail(ErrorCode::kCorruptFile, place + " must be an object with name and template");
    INGLE_TRY(std::string name, TextField(*entry, "name", place));
    INGLE_TRY(std::string source, TextField(*entry, "template", place));
    Put(templates, {std::move(name), std::move(source), std::string(file)});
  }
  return templates;
}

std::vector<NamedTemplate> TemplatesOfDirectory(std::vector<NamedTemplate> of_config,
                                                std::vector<NamedTemplate> of_files) {
  return of_files.empty() ? std::move(of_config) : std::move(of_files);
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
                                                       std::string bos_token,
                                                       std::string eos_token) {
  INGLE_TRY(const NamedTemplate* plain, ChooseTemplate(templates, false));
  INGLE_TRY(const NamedTemplate* tools, ChooseTemplate(templates, true));
  auto compile = [&](const NamedTemplate& each) {
    auto compiled = CompileChatTemplate(each.source, bos_token, eos_token);
    if (!compiled && templates.size() > 1)
      compiled.error().message =
          "the chat template '" + each.name.substr(0, 60) + "': " + compiled.error().message;
    return compiled;
  };
  INGLE_TRY(std::unique_ptr<ChatTemplate> first, compile(*plain));
  if (tools == plain) return first;
  INGLE_TRY(std::unique_ptr<ChatTemplate> second, compile(*tools));
  return std::make_unique<TemplatePair>(std::move(first), std::move(second));
}

}  // namespace ingle
