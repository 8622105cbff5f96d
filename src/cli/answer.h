#pragma once
// One answer on the terminal: the model's text on stdout, everything else on stderr.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/flags.h"
#include "engine/engine.h"

namespace ingle {

struct AnswerResult {
  Accepted accepted;
  Finished finished;
  std::string text;
};

// Runs one request to its end, printing text as it comes. Ctrl-C cancels it within a step and
// leaves what was printed.
Result<AnswerResult> PrintAnswer(Engine& engine, GenerateRequest request);

// Prompt with escapes, token count, values and their origin, limits: what --verbose shows.
Status PrintRequest(const Engine& engine, const GenerateRequest& request);
void PrintEffective(const Engine& engine, const Accepted& accepted);
void PrintWarnings(const std::vector<Warning>& warnings);
// One line: why it ended, tokens, speed, seed.
void PrintStatistics(const AnswerResult& result);
// For a terminal: control characters and bytes that are no UTF-8 as escapes, the rest as it is.
std::string Harmless(std::string_view text);
// The same for a place between quotes: they and backslashes are escapes too.
std::string Escaped(std::string_view text);

}  // namespace ingle
