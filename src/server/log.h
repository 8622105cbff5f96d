#pragma once
// One line per event on stderr: time, level, event, key="value" pairs with everything odd escaped.
// Never model text, prompts or keys.

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
std::string LogLine(std::string_view event, LogFields fields);  // For tests.

}  // namespace ingle
