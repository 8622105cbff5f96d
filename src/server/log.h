#pragma once
// One line per event on stderr: time, level, event, key="value" pairs with everything odd escaped.
// Never model text, prompts or keys. Returns at once, whoever reads it (see os/line_writer.h).

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ingle {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError };

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;

void SetLogLevel(LogLevel least);
void Log(LogLevel level, std::string_view event, LogFields fields = {});
// A line as it is, without time and level: what a person waits for who has started the server.
void LogPlain(std::string line);
// Before the process ends: waits until all is written, at most so long.
void FlushLog(int timeout_ms);
std::string LogLine(std::string_view event, LogFields fields);  // For tests.

}  // namespace ingle
