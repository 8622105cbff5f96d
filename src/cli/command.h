#pragma once
// A subcommand of `ingle`: its options, and what it does.

#include <CLI/CLI.hpp>
#include <functional>

namespace ingle {

struct Command {
  CLI::App* parser = nullptr;
  std::function<int()> run;  // Returns the exit code.
};

// One per file command_*.cc; main.cc lists them.
Command AddServe(CLI::App& app);
Command AddWorker(CLI::App& app);
Command AddRun(CLI::App& app);
Command AddChat(CLI::App& app);
Command AddShow(CLI::App& app);
Command AddBench(CLI::App& app);
Command AddTokenize(CLI::App& app);
Command AddDetokenize(CLI::App& app);
Command AddRender(CLI::App& app);
Command AddLogits(CLI::App& app);
Command AddConvert(CLI::App& app);
Command AddQuantize(CLI::App& app);
Command AddVersion(CLI::App& app);

}  // namespace ingle
