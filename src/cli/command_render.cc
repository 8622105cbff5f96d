// `ingle render`: the exact prompt that a chat template makes of messages. Looks at the vocabulary
// and the template of a file only.

#include <cstdio>
#include <ctime>
#include <memory>

#include "api/chat_messages.h"
#include "chat/normalise_messages.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/model_path.h"
#include "engine/engine.h"
#include "files/model_files.h"

namespace ingle {
namespace {

constexpr size_t kJsonBytesMax = size_t{256} << 20;
constexpr size_t kTemplateBytesMax = size_t{1} << 20;

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
  INGLE_TRY(ModelFiles file, OpenModelFiles(path.path));
  INGLE_TRY(EngineParts parts, LoadTextParts(file.metadata(), source));
  if (parts.chat_template != nullptr) return std::move(parts.chat_template);
  return Fail(
      ErrorCode::kInvalidRequest,
      parts.template_error.empty()
          ? path.path + " has no chat template; name one with --template FILE"
          : "the chat template of " + path.path + " does not compile: " + parts.template_error);
}

Result<json::array> ReadArray(const std::string& path, const char* what) {
  INGLE_TRY(std::string text, ReadWhole(path, kJsonBytesMax));
  INGLE_TRY(json::value value, ParseJson(text, what, {64, kJsonBytesMax}));
  if (!value.is_array())
    return Fail(ErrorCode::kInvalidRequest, std::string(what) + " must hold a JSON array");
  return std::move(value).as_array();
}

Result<std::vector<TextSpan>> Render(const RenderCommandOptions& options) {
  INGLE_TRY(std::unique_ptr<ChatTemplate> chat_template, LoadTemplate(options));
  INGLE_TRY(json::array messages, ReadArray(options.messages, "--messages"));
  json::array tools;
  if (!options.tools.empty()) {
    INGLE_TRY(tools, ReadArray(options.tools, "--tools"));
  }
  RenderOptions render;
  render.add_generation_prompt = !options.no_generation_prompt;
  render.now_unix_s = options.now.value_or(std::time(nullptr));
  if (!options.variables.empty()) {
    INGLE_TRY(json::value variables, ParseJson(options.variables, "--set"));
    if (!variables.is_object())
      return Fail(ErrorCode::kInvalidRequest, "--set must be a JSON object");
    render.variables = variables.get_object();
  }
  if (!options.as_api) {
    render.free_variables = true;
    render.pass_empty_tools = !options.tools.empty();
    return chat_template->Render(messages, tools, render);
  }
  json::value messages_value(messages), tools_value(tools);
  INGLE_TRY(json::array checked, ReadMessages(&messages_value));
  INGLE_TRY(json::array checked_tools, ReadTools(&tools_value));
  INGLE_RETURN_IF_ERROR(CheckTemplateVariables(render.variables));
  INGLE_TRY(RenderedConversation rendered,
            RenderConversation(*chat_template, checked, checked_tools, render));
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
  parser->add_option("--tools", options->tools, "JSON file with the tools");
  parser->add_option("--set", options->variables, "JSON object of template variables");
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
