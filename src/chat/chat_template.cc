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
  JinjaTemplate(jinja::Syntax syntax, std::string source, TemplateTokens tokens)
      : syntax_(std::move(syntax)), source_(std::move(source)), tokens_(std::move(tokens)) {}

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
    for (const auto& [name, value] : tokens_) run.SetVariable(std::string(name), Token(run, value));
    for (const auto& [name, value] : options.variables)
      run.SetVariable(std::string(name), run.FromJson(value));
    INGLE_TRY(jinja::TaintedString text, run.Render());
    return Spans(text);
  }

 private:
  // A spelling or a list of them. They come from the model, so they are trusted.
  static jinja::Value Token(jinja::Runtime& run, const json::value& value) {
    if (const json::string* text = value.if_string()) return run.String(std::string(*text));
    std::vector<jinja::Value> items;
    if (const json::array* list = value.if_array())
      for (const json::value& item : *list) items.push_back(Token(run, item));
    return run.List(std::move(items));
  }

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
  std::string source_;
  TemplateTokens tokens_;
};

}  // namespace

Result<std::unique_ptr<ChatTemplate>> CompileChatTemplate(std::string_view source,
                                                          TemplateTokens tokens) {
  INGLE_TRY(jinja::Syntax syntax, jinja::Parse(source));
  return std::make_unique<JinjaTemplate>(std::move(syntax), std::string(source), std::move(tokens));
}

Result<std::unique_ptr<ChatTemplate>> CompileChatTemplate(std::string_view source,
                                                          std::string bos_token,
                                                          std::string eos_token) {
  TemplateTokens tokens;
  if (!bos_token.empty()) tokens["bos_token"] = bos_token;
  if (!eos_token.empty()) tokens["eos_token"] = eos_token;
  return CompileChatTemplate(source, std::move(tokens));
}

}  // namespace ingle
