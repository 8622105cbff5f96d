#include "chat/chat_template.h"

#include "jinja/ast.h"
#include "jinja/runtime.h"
#include "request/template_variables.h"

namespace ingle {
namespace {

// Bytes of text and structure in the input: budgets grow with them.
size_t InputBytes(const json::value& value, int depth = 0) {
  constexpr size_t kNodeBytes = 64;
  size_t bytes = kNodeBytes;
  if (depth > jinja::kMaxInputDepth) return bytes;
  if (const json::string* text = value.if_string()) bytes += text->size();
  if (const json::array* array = value.if_array())
    for (const json::value& item : *array) bytes += InputBytes(item, depth + 1);
  if (const json::object* object = value.if_object())
    for (const auto& [key, item] : *object) bytes += key.size() + InputBytes(item, depth + 1);
  return bytes;
}

class JinjaTemplate final : public ChatTemplate {
 public:
  JinjaTemplate(jinja::Syntax syntax, std::string source, std::string bos, std::string eos)
      : syntax_(std::move(syntax)),
        source_(std::move(source)),
        bos_token_(std::move(bos)),
        eos_token_(std::move(eos)) {}

  std::string_view source() const override { return source_; }

  bool Uses(std::string_view variable) const override {
    return syntax_.name_index.contains(std::string(variable));
  }

  Result<std::vector<TextSpan>> Render(const json::array& messages, const json::array& tools,
                                       const RenderOptions& options) const override {
    if (!options.free_variables) {
      for (const auto& [name, value] : options.variables)
        if (IsReservedTemplateVariable(name))
          return Fail(ErrorCode::kInvalidRequest,
                      "chat_template_kwargs may not set '" + std::string(name) + "'; remove it",
                      "chat_template_kwargs", "reserved_kwarg");
    }
    size_t input_bytes = 0;
    for (const json::value& message : messages) input_bytes += InputBytes(message);
    for (const json::value& tool : tools) input_bytes += InputBytes(tool);
    for (const auto& variable : options.variables) input_bytes += InputBytes(variable.value());
    jinja::Runtime run(syntax_, input_bytes, options.now_unix_s);
    run.SetVariable("messages", run.FromJson(messages));
    bool no_tools = tools.empty() && !options.pass_empty_tools;
    run.SetVariable("tools", no_tools ? jinja::Value::None() : run.FromJson(tools));
    run.SetVariable("documents", jinja::Value::None());
    run.SetVariable("add_generation_prompt", jinja::Value::Bool(options.add_generation_prompt));
    // As in transformers, a token that the model lacks is not defined.
    if (!bos_token_.empty()) run.SetVariable("bos_token", run.String(bos_token_));
    if (!eos_token_.empty()) run.SetVariable("eos_token", run.String(eos_token_));
    for (const auto& [name, value] : options.variables)
      run.SetVariable(std::string(name), run.FromJson(value));
    INGLE_TRY(jinja::TaintedString text, run.Render());
    return Spans(text);
  }

 private:
  static std::vector<TextSpan> Spans(const jinja::TaintedString& text) {
    std::vector<TextSpan> spans;
    bool trusted = text.first_trusted();
    size_t start = 0;
    for (size_t i = 0; i <= text.flips().size(); i++, trusted = !trusted) {
      size_t end = i < text.flips().size() ? text.flips()[i] : text.size();
      if (end > start) spans.push_back({text.bytes().substr(start, end - start), trusted});
      start = end;
    }
    return spans;
  }

  jinja::Syntax syntax_;
  std::string source_, bos_token_, eos_token_;
};

}  // namespace

Result<std::unique_ptr<ChatTemplate>> CompileChatTemplate(std::string_view source,
                                                          std::string bos_token,
                                                          std::string eos_token) {
  INGLE_TRY(jinja::Syntax syntax, jinja::Parse(source));
  return std::make_unique<JinjaTemplate>(std::move(syntax), std::string(source),
                                         std::move(bos_token), std::move(eos_token));
}

}  // namespace ingle
