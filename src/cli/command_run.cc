// `ingle run`: one answer.

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "cli/answer.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/interrupts.h"
#include "cli/model_path.h"

namespace ingle {
namespace {

constexpr size_t kPromptBytesMax = size_t{32} << 20;

struct RunOptions {
  ModelFlags model;
  AnswerFlags answer;
  std::vector<std::string> words;  // [MODEL] [PROMPT], as many as were given.
  bool raw = false, no_special = false;
};

bool NamesModel(const std::string& word) {
  std::error_code error;
  return word == kBundledModel || word.ends_with(".gguf") || std::filesystem::exists(word, error);
}

// One word is the prompt, unless it names a model: then the prompt comes on stdin.
Result<std::string> ReadPrompt(RunOptions* options) {
  const auto& words = options->words;
  if (words.size() == 2) options->model.model = words[0];
  const std::string last = words.empty() ? "-" : words.back();
  const bool names_model = words.size() == 1 && last != "-" && NamesModel(last);
  if (names_model) options->model.model = last;
  if (!names_model && last != "-") return last;
  if (isatty(STDIN_FILENO) != 0)
    return Fail(ErrorCode::kInvalidRequest,
                "there is no prompt; give it as the last argument, or on standard input");
  return ReadWhole("-", kPromptBytesMax);
}

Result<GenerateRequest> MakeRequest(const RunOptions& options, std::string prompt) {
  GenerateRequest request = RequestOf(options.answer);
  request.id = "run";
  if (options.raw) {
    request.prompt = TextPrompt{std::move(prompt), !options.no_special};
    return request;
  }
  ChatPrompt chat;
  INGLE_TRY(chat.template_variables, VariablesOf(options.answer));
  if (!options.answer.system.empty())
    chat.messages.push_back(json::object{{"role", "system"}, {"content", options.answer.system}});
  chat.messages.push_back(json::object{{"role", "user"}, {"content", prompt}});
  request.prompt = std::move(chat);
  return request;
}

Result<int> Run(RunOptions& options) {
  INGLE_TRY(std::string prompt, ReadPrompt(&options));
  INGLE_TRY(GenerateRequest request, MakeRequest(options, std::move(prompt)));
  INGLE_TRY(ModelPath model, FindModel(options.model.model));
  options.model.max_sequences = 1;
  INGLE_TRY(EngineOptions engine_options,
            EngineOptionsOf(options.model, {}, options.answer.verbose));
  INGLE_TRY(std::unique_ptr<Engine> engine, Engine::Load(model.path, engine_options));
  CatchInterrupts();
  if (options.answer.verbose) INGLE_RETURN_IF_ERROR(PrintRequest(*engine, request));
  INGLE_TRY(AnswerResult result, PrintAnswer(*engine, std::move(request)));
  if (options.answer.verbose) PrintEffective(*engine, result.accepted);
  if (!options.answer.quiet) PrintStatistics(result);
  return result.finished.reason == FinishReason::kCancelled ? kExitInterrupted : kExitDone;
}

}  // namespace

Command AddRun(CLI::App& app) {
  CLI::App* parser = app.add_subcommand(
      "run", "One answer: ingle run MODEL \"prompt\". Only the model's text goes to stdout.");
  auto options = std::make_shared<RunOptions>();
  // Two options of one word each: of a list, the parser takes nothing after "--".
  auto word = [options](const std::string& text) { options->words.push_back(text); };
  parser->add_option_function<std::string>("MODEL", word, kModelArgumentHelp);
  parser->add_option_function<std::string>(
      "PROMPT", word,
      "Without one, or with -, it is read from stdin. One that begins with - comes after --:\n"
      "ingle run spark -- \"-5 + 3\"");
  AddModelFlags(parser, &options->model);
  AddAnswerFlags(parser, &options->answer);
  CLI::Option* raw = parser->add_flag("--raw", options->raw,
                                      "Complete the prompt as it is, without a chat template");
  parser
      ->add_flag("--no-special", options->no_special,
                 "With --raw: spellings of special tokens are plain text")
      ->needs(raw);
  for (const char* of_chats : {"--system", "--set", "--chat-template"})
    raw->excludes(parser->get_option(of_chats));
  return {parser, [options] {
            auto code = Run(*options);
            return code ? *code : Complain("run", code.error());
          }};
}

}  // namespace ingle
