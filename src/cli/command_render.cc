// `ingle render`: the exact prompt that a chat template makes of messages. Looks at the vocabulary
// and the template of a file only.

#include <cstdio>
#include <ctime>
#include <memory>

#include "api/chat_messages.h"
#include "chat/normalise_messages.h"
#include "cli/answer.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "engine/engine.h"
#include "files/model_files.h"
#include "request/template_variables.h"

namespace ingle {
namespace {

constexpr size_t kJsonBytesMax = size_t{256} << 20;
constexpr size_t kTemplateBytesMax = size_t{1} << 20;
// Python, which these files are compared with, takes less than 1000 (its recursion limit).
constexpr size_t kJsonDepthMax = 500;

struct RenderCommandOptions {
  std::string model, template_file, messages, tools, variables;
  bool no_generation_prompt = false, as_api = false;
  std::optional<int64_t> now;
};

Result<std::unique_ptr<ChatTemplate>> LoadTemplate(const RenderCommandOptions& options) {
  std::string source;
  if (!options.template_file.empty()) {
    INGLE_TRY(source, ReadWhole(options.template_file, kTemplateBytesMax));
    if (options.model.empty()) return CompileChatTemplate(source, "", "");
  }
  INGLE_TRY(ModelPath path, FindModel(options.model.empty() ? kBundledModel : options.model));
  INGLE_TRY(ModelFiles file, OpenModelFiles(path.path, {.weights = false}));
  INGLE_TRY(EngineParts parts, LoadTextParts(file.metadata(), source));
  if (parts.chat_template != nullptr) return std::move(parts.chat_template);
  return Fail(
      ErrorCode::kInvalidRequest,
      parts.template_error.empty()
          ? path.path + " has no chat template; name one with --template FILE"
          : "the chat template of " + path.path + " does not compile: " + parts.template_error);
}

Result<json::value> ReadJson(const std::string& path, const char* what) {
  INGLE_TRY(std::string text, ReadWhole(path, kJsonBytesMax));
  return ParseJson(text, what,
                   {.depth = kJsonDepthMax, .bytes = kJsonBytesMax, .big_integers = true});
}

Result<json::array> ReadMessageFile(const std::string& path) {
  INGLE_TRY(json::value value, ReadJson(path, "--messages"));
  if (!value.is_array())
    return Fail(ErrorCode::kInvalidRequest, "--messages must hold a JSON array");
  return std::move(value).as_array();
}

// As apply_chat_template takes tools: null is none; of other values only those without a tool pass,
// unchanged, besides arrays.
Result<json::value> ReadToolFile(const std::string& path) {
  INGLE_TRY(json::value value, ReadJson(path, "--tools"));
  const bool empty_object = value.is_object() && value.get_object().empty();
  if (value.is_null() || value.is_array() || empty_object) return value;
  return Fail(ErrorCode::kInvalidRequest,
              "--tools must hold a JSON array of tools (or null, or {}: none)");
}

Result<json::object> ReadVariables(const RenderCommandOptions& options) {
  if (options.variables.empty()) return json::object();
  INGLE_TRY(json::value value,
            ParseJson(options.variables, "--set", {.depth = kJsonDepthMax, .big_integers = true}));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidRequest, "--set must be a JSON object");
  for (const auto& [key, unused] : value.get_object()) {
    const bool flagged = (key == "tools" && !options.tools.empty()) ||
                         (key == "add_generation_prompt" && options.no_generation_prompt);
    if (flagged || IsConversationVariable(key))
      return Fail(ErrorCode::kInvalidRequest,
                  "--set may not set '" + std::string(key) + "'" +
                      (flagged ? ", which a flag sets already" : "; messages come by --messages"));
  }
  return std::move(value).as_object();
}

Result<std::vector<TextSpan>> Render(const RenderCommandOptions& options) {
  INGLE_TRY(std::unique_ptr<ChatTemplate> chat_template, LoadTemplate(options));
  INGLE_TRY(json::array messages, ReadMessageFile(options.messages));
  RenderOptions render;
  INGLE_TRY(render.variables, ReadVariables(options));
  json::value tools = nullptr;
  if (!options.tools.empty()) {
    INGLE_TRY(tools, ReadToolFile(options.tools));
  }
  render.add_generation_prompt = !options.no_generation_prompt;
  render.now_unix_s = options.now.value_or(std::time(nullptr));
  if (!options.as_api) {
    render.free_variables = true;
    render.pass_empty_tools = tools.is_array();
    if (tools.is_object()) render.variables["tools"] = tools;
    return chat_template->Render(messages, tools.is_array() ? tools.get_array() : json::array(),
                                 render);
  }
  json::value messages_value(messages);
  std::vector<Warning> found;
  INGLE_TRY(json::array checked, ReadMessages(&messages_value, &found));
  INGLE_TRY(json::array checked_tools, ReadTools(tools.is_null() ? nullptr : &tools, &found));
  INGLE_RETURN_IF_ERROR(CheckTemplateVariables(render.variables));
  INGLE_TRY(RenderedConversation rendered,
            RenderConversation(*chat_template, checked, checked_tools, render));
  PrintWarnings(found);
  for (const std::string& warning : rendered.warnings)
    std::fprintf(stderr, "ingle: warning: %s\n", warning.c_str());
  return std::move(rendered.spans);
}

}  // namespace

Command AddRender(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "render",
      "The exact prompt of a chat template on stdout. Exit code 1: the template refuses.");
  auto options = std::make_shared<RenderCommandOptions>();
  parser->add_option("MODEL", options->model, "Model whose template is used; default: spark");
  parser->add_option("--template", options->template_file,
                     "Jinja file instead of the model's template; needs no model");
  parser->add_option("--messages", options->messages, "JSON file with the messages (- for stdin)")
      ->required();
  parser->add_option("--tools", options->tools, "JSON file with the tools: an array, or null");
  parser->add_option("--set", options->variables,
                     "JSON object of template variables, e.g. '{\"enable_thinking\": false}'");
  parser->add_flag("--no-generation-prompt", options->no_generation_prompt,
                   "Do not open the assistant's turn");
  parser->add_option("--now", options->now, "Unix time for strftime_now; default: now");
  parser->add_flag("--as-api", options->as_api,
                   "Check and normalise messages first, as the API does; otherwise they are passed "
                   "through unchanged");
  return {parser, [options] {
            auto spans = Render(*options);
            if (!spans) {
              int code = Complain("render", spans.error());
              return code == kExitModelFile && options->model.empty() ? kExitFailed : code;
            }
            for (const TextSpan& span : *spans)
              std::fwrite(span.text.data(), 1, span.text.size(), stdout);
            return kExitDone;
          }};
}

}  // namespace ingle
