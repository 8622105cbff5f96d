#pragma once
// Lines to a descriptor that others may read slowly or not at all: a thread of its own writes, what
// waits has a limit, and what no longer fits is dropped, oldest first, and counted.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace ingle {

class LineWriter {
 public:
  // describe_gap makes the line that stands where so many were dropped.
  LineWriter(int fd, size_t max_waiting_bytes, std::function<std::string(uint64_t)> describe_gap);
  // What still waits is lost. A write that stands still is waited for a second only: then the
  // thread goes with the process.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // With its line feed. Never blocks on the descriptor.
  void Write(std::string line);
  // Waits until all has been written, at most so long; false: something still waits.
  bool Flush(int timeout_ms);

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);
  std::shared_ptr<State> state_;
};

}  // namespace ingle
