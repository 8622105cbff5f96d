#pragma once
// Lines from the user: with editing and history on a terminal, plain otherwise.

#include <optional>
#include <string>

namespace ingle {

class LineReader {
 public:
  // prompt: shown before each line, on stderr.
  explicit LineReader(std::string prompt);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  struct Line {
    std::string text;
    bool interrupted = false;  // Ctrl-C: the line was given up.
  };
  std::optional<Line> Read();  // nullopt: the input has ended.

 private:
  struct Editor;
  std::string prompt_;
  Editor* editor_ = nullptr;  // Null when stdin is not a terminal.
};

}  // namespace ingle
