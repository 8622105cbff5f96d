#include "server/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <mutex>

#include "os/line_writer.h"

namespace ingle {
namespace {

constexpr size_t kMaxValueBytes = 500;
constexpr size_t kMaxWaitingBytes = 1 << 20;  // Some 8000 lines.

// Whoever reads our stderr slowly, or not at all, never holds up an answer, nor the end. Never
// destroyed: others may log until the process has gone.
LineWriter& Lines() {
  static auto* const lines = new LineWriter(STDERR_FILENO, kMaxWaitingBytes, [](uint64_t dropped) {
    return "warning log_gap message=\"" + std::to_string(dropped) +
           " lines were dropped here because nobody read them in time\"\n";
  });
  return *lines;
}

class LineSink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    Lines().Write(std::string(text.data(), text.size()));
  }
  void flush_() override {}
};

spdlog::logger& Logger() {
  static auto* const logger = [] {
    auto* made = new spdlog::logger("ingle", std::make_shared<LineSink>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
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

void LogPlain(std::string line) { Lines().Write(std::move(line) + "\n"); }

void FlushLog(int timeout_ms) { Lines().Flush(timeout_ms); }

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
