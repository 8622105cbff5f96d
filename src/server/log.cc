#include "server/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace ingle {
namespace {

constexpr size_t kMaxValueBytes = 500;
constexpr size_t kMaxWaitingLines = 8192;

// A thread of its own writes: whoever reads our stderr slowly, or not at all, never holds up an
// answer. Then the oldest waiting lines give way to new ones; what waits at exit is written.
spdlog::logger& Logger() {
  static const auto logger = [] {
    spdlog::init_thread_pool(kMaxWaitingLines, 1);
    auto made = std::make_shared<spdlog::async_logger>(
        "ingle", std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::thread_pool(),
        spdlog::async_overflow_policy::overrun_oldest);
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *logger;
}

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

void AppendEscaped(std::string_view value, std::string* line) {
  for (const char c : value.substr(0, kMaxValueBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      *line += '\\';
      *line += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      char text[8];
      snprintf(text, sizeof(text), "\\x%02x", byte);
      *line += text;
    } else {
      *line += c;
    }
  }
  if (value.size() > kMaxValueBytes) *line += "...";
}

}  // namespace

void SetLogLevel(LogLevel least) { Logger().set_level(LevelOf(least)); }

std::string LogLine(std::string_view event, LogFields fields) {
  std::string line(event);
  for (const auto& [key, value] : fields) {
    line.append(" ").append(key).append("=\"");
    AppendEscaped(value, &line);
    line += '"';
  }
  return line;
}

void Log(LogLevel level, std::string_view event, LogFields fields) {
  // The line is an argument, never the format: braces in it mean nothing.
  Logger().log(LevelOf(level), "{}", LogLine(event, fields));
}

}  // namespace ingle
