// The program `ingle`: one binary, a subcommand each.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "cli/command.h"
#include "cli/exit_codes.h"

namespace ingle {
namespace {

// What stays in stdout's buffer may still fail to be written (a full disk, a closed pipe).
int Flushed(int code) {
  if (code != kExitDone || (std::fflush(stdout) == 0 && std::ferror(stdout) == 0)) return code;
  std::fprintf(stderr, "ingle: cannot write to the standard output: %s\n", std::strerror(errno));
  return kExitFailed;
}

// A file that is opened while a standard stream is closed gets its number, and would be read as
// input or written over by output. What holds the number here fails every read or write.
void HoldStandardStreams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // open() takes the lowest free number, which is this one.
    [[maybe_unused]] int held =
        open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // NOLINT
  }
}

// "ingle run: what is wrong", and where to read how it is right.
std::string UsageError(const CLI::App* app, const CLI::Error& error) {
  std::string command = "ingle";
  for (const CLI::App* parsed : app->get_subcommands()) command += " " + parsed->get_name();
  std::string text = command + ": " + error.what() + "\n";
  if (const auto words = app->remaining();
      command == "ingle" && !words.empty() && !words.front().empty())
    text = "ingle: there is no " + std::string(words.front()[0] == '-' ? "option" : "command") +
           " '" + words.front() + "'\n";
  if (command == "ingle run" && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
    text += "A prompt is one argument, in quotes; one that begins with - comes after --.\n";
  return text + "See " + command + " --help.\n";
}

int Main(int argc, char** argv) {
  HoldStandardStreams();
  CLI::App app(
      "ingle serves local language models.\nMODEL is the path of a GGUF file or of a directory "
      "as Hugging Face publishes it,\nor spark: the bundled model, and the default.",
      "ingle");
  app.require_subcommand(1);
  app.footer(kExitCodesHelp);
  app.failure_message(UsageError);
  app.set_version_flag("--version", "ingle " INGLE_VERSION);
  const Command commands[] = {AddServe(app),  AddRun(app),      AddChat(app),       AddShow(app),
                              AddBench(app),  AddTokenize(app), AddDetokenize(app), AddRender(app),
                              AddLogits(app), AddConvert(app),  AddQuantize(app),   AddWorker(app),
                              AddVersion(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  for (const Command& command : commands)
    if (command.parser->parsed()) return Flushed(command.run());
  return kExitUsage;
}

}  // namespace
}  // namespace ingle

int main(int argc, char** argv) {
  try {
    return ingle::Main(argc, argv);
  } catch (const std::exception& error) {  // Of a library; ours do not throw.
    std::fprintf(stderr, "ingle: unexpected failure: %s\n", error.what());
    return ingle::kExitFailed;
  }
}
