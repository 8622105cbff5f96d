// `ingle chat`: a conversation.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <span>

#include "cli/answer.h"
#include "cli/command.h"
#include "cli/exit_codes.h"
#include "cli/flags.h"
#include "cli/interrupts.h"
#include "cli/line_reader.h"
#include "cli/model_path.h"

namespace ingle {
namespace {

struct ChatOptions {
  ModelFlags model;
  AnswerFlags answer;
  bool statistics = false;
};

class Chat {
 public:
  Chat(Engine* engine, const ChatOptions& options, json::object variables)
      : engine_(*engine),
        options_(options),
        variables_(std::move(variables)),
        statistics_(options.statistics),
        verbose_(options.answer.verbose) {
    SetSystem(options.answer.system);
  }

  Status Run() {
    std::fprintf(stderr, "%s, context %u tokens. /help lists the commands, Ctrl-D ends.\n",
                 engine_.model_info().name.c_str(), engine_.context());
    LineReader reader("> ");
    while (!ended_) {
      auto line = reader.Read();
      if (!line) break;
      if (line->interrupted || line->text.empty()) continue;
      if (line->text[0] == '/' && Obey(line->text)) continue;
      INGLE_RETURN_IF_ERROR(Say(line->text));
    }
    return {};
  }

 private:
  struct SlashCommand {
    const char* name;
    const char* help;
    void (Chat::*run)(const std::string& argument);
  };
  static std::span<const SlashCommand> Commands();

  static bool Switch(const std::string& argument, bool* value) {
    if (argument == "on" || argument == "off") {
      *value = argument == "on";
      return true;
    }
    std::fprintf(stderr, "say on or off, not '%s'\n", Harmless(argument).c_str());
    return false;
  }
  void Help(const std::string&) {
    for (const SlashCommand& command : Commands())
      std::fprintf(stderr, "  %-10s %s\n", command.name, command.help);
    std::fprintf(stderr,
                 "Ctrl-C stops an answer (what was said stays). Other lines that begin with / go "
                 "to the model.\n");
  }
  void Statistics(const std::string& argument) {
    if (!argument.empty() && !Switch(argument, &statistics_)) return;
    if (last_)
      PrintStatistics(*last_);
    else
      std::fprintf(stderr, "there is no answer yet\n");
    std::fprintf(stderr, "after each answer: %s (/stats on|off)\n", statistics_ ? "on" : "off");
  }
  void Values(const std::string&) {
    if (last_)
      PrintEffective(engine_, last_->accepted);
    else
      std::fprintf(stderr, "there is no answer yet\n");
  }
  void Verbose(const std::string& argument) {
    if (argument.empty())
      verbose_ = !verbose_;
    else if (!Switch(argument, &verbose_))
      return;
    std::fprintf(stderr, "verbose %s\n", verbose_ ? "on" : "off");
  }
  void Clear(const std::string&) {
    SetSystem(system_);
    std::fprintf(stderr, "the conversation is empty\n");
  }
  void System(const std::string& argument) {
    SetSystem(argument);
    std::fprintf(stderr, "a new conversation%s\n",
                 argument.empty() ? "" : " with this system message");
  }
  void Exit(const std::string&) { ended_ = true; }

  void SetSystem(const std::string& text) {
    system_ = text;
    messages_.clear();
    if (!text.empty()) messages_.push_back(json::object{{"role", "system"}, {"content", text}});
  }

  // False: no command of ours.
  bool Obey(const std::string& line) {
    size_t space = line.find(' ');
    std::string name = line.substr(0, space);
    for (const SlashCommand& command : Commands()) {
      if (name != command.name) continue;
      (this->*command.run)(space == std::string::npos ? "" : line.substr(space + 1));
      return true;
    }
    return false;
  }

  // A refused request leaves the conversation as it was; the user may go on.
  Status Say(const std::string& text) {
    size_t before = messages_.size();
    messages_.push_back(json::object{{"role", "user"}, {"content", text}});
    GenerateRequest request = RequestOf(options_.answer);
    request.id = "chat-" + std::to_string(++turns_);
    ChatPrompt prompt;
    prompt.messages = messages_;
    prompt.template_variables = variables_;
    request.prompt = std::move(prompt);
    if (verbose_)
      if (Status shown = PrintRequest(engine_, request); !shown)
        return Refused(shown.error(), before);
    TakeInterrupt();
    auto result = PrintAnswer(engine_, std::move(request));
    if (!result) return Refused(result.error(), before);
    if (isatty(STDOUT_FILENO) == 0 && !result->text.ends_with('\n'))
      std::fputc('\n', stdout);  // PrintAnswer adds it on terminals only.
    std::fflush(stdout);
    messages_.push_back(json::object{{"role", "assistant"}, {"content", result->text}});
    last_ = std::move(*result);
    if (verbose_) PrintEffective(engine_, last_->accepted);
    if (statistics_) PrintStatistics(*last_);
    return {};
  }

  Status Refused(const Error& error, size_t messages) {
    messages_.resize(messages);
    if (error.id == "no_chat_template" || error.code == ErrorCode::kInternal)
      return std::unexpected(error);
    std::fprintf(stderr, "ingle chat: %s\n", error.message.c_str());
    return {};
  }

  Engine& engine_;
  const ChatOptions& options_;
  json::object variables_;
  json::array messages_;
  std::string system_;
  std::optional<AnswerResult> last_;
  uint64_t turns_ = 0;
  bool statistics_, verbose_, ended_ = false;
};

std::span<const Chat::SlashCommand> Chat::Commands() {
  static const SlashCommand kCommands[] = {
      {"/help", "this list", &Chat::Help},
      {"/stats", "statistics of the last answer; on or off: after each answer", &Chat::Statistics},
      {"/values", "sampling values of the last answer and where each came from", &Chat::Values},
      {"/verbose", "on or off: show what is sent to the model", &Chat::Verbose},
      {"/clear", "forget the conversation, keep the system message", &Chat::Clear},
      {"/system", "a new conversation with this system message", &Chat::System},
      {"/exit", "end (also Ctrl-D)", &Chat::Exit},
      {"/quit", "end", &Chat::Exit},
  };
  return kCommands;
}

Status RunChat(ChatOptions& options) {
  INGLE_TRY(json::object variables, VariablesOf(options.answer));
  INGLE_TRY(ModelPath model, FindModel(options.model.model));
  options.model.max_sequences = 1;
  INGLE_TRY(EngineOptions engine_options,
            EngineOptionsOf(options.model, {}, options.answer.verbose));
  INGLE_TRY(std::unique_ptr<Engine> engine, Engine::Load(model.path, engine_options));
  CatchInterrupts();
  return Chat(engine.get(), options, std::move(variables)).Run();
}

}  // namespace

Command AddChat(CLI::App& app) {
  CLI::App* parser = app.add_subcommand("chat", "A conversation in the terminal.");
  auto options = std::make_shared<ChatOptions>();
  AddModelArgument(parser, &options->model.model);
  AddModelFlags(parser, &options->model);
  AddAnswerFlags(parser, &options->answer);
  parser->add_flag("--stats", options->statistics, "Statistics after each answer");
  return {parser, [options] {
            Status done = RunChat(*options);
            return done ? kExitDone : Complain("chat", done.error());
          }};
}

}  // namespace ingle
