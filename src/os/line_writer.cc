#include "os/line_writer.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace ingle {
namespace {

constexpr int kPollMs = 100;
constexpr auto kEndTimeout = std::chrono::seconds(1);

}  // namespace

struct LineWriter::State {
  const int fd;
  const size_t max_waiting_bytes;
  const std::function<std::string(uint64_t)> describe_gap;

  std::mutex mutex;
  std::condition_variable news, written;
  std::deque<std::string> lines;
  size_t waiting_bytes = 0;
  uint64_t dropped = 0;  // Before the first of `lines`.
  bool writing = false, stopping = false, ended = false;

  bool idle() const { return lines.empty() && dropped == 0 && !writing; }
  bool stopped() {
    std::lock_guard lock(mutex);
    return stopping;
  }

  // A pipe that polls as writable takes PIPE_BUF bytes at once. Another process may be quicker and
  // fill it; then this thread waits, and nobody else does.
  void WriteAll(std::string_view text) {
    while (!text.empty()) {
      pollfd waiting{fd, POLLOUT, 0};
      if (poll(&waiting, 1, kPollMs) == 0) {
        if (stopped()) return;
        continue;
      }
      const ssize_t bytes = write(fd, text.data(), std::min<size_t>(text.size(), PIPE_BUF));
      if (bytes < 0 && errno != EINTR && errno != EAGAIN) return;  // Nobody will ever read it.
      if (bytes > 0) text.remove_prefix(static_cast<size_t>(bytes));
    }
  }
};

LineWriter::LineWriter(int fd, size_t max_waiting_bytes,
                       std::function<std::string(uint64_t)> describe_gap)
    : state_(std::make_shared<State>(fd, max_waiting_bytes, std::move(describe_gap))) {
  std::thread([state = state_] { Run(state); }).detach();
}

LineWriter::~LineWriter() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  state_->news.notify_all();
  state_->written.wait_for(lock, kEndTimeout, [this] { return state_->ended; });
}

void LineWriter::Write(std::string line) {
  std::lock_guard lock(state_->mutex);
  State& state = *state_;
  state.waiting_bytes += line.size();
  state.lines.push_back(std::move(line));
  while (state.waiting_bytes > state.max_waiting_bytes) {
    state.waiting_bytes -= state.lines.front().size();
    state.lines.pop_front();
    ++state.dropped;
  }
  state.news.notify_one();
}

bool LineWriter::Flush(int timeout_ms) {
  std::unique_lock lock(state_->mutex);
  return state_->written.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                  [this] { return state_->idle(); });
}

void LineWriter::Run(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (true) {
    state->writing = false;
    state->written.notify_all();
    state->news.wait(lock, [&] { return state->stopping || !state->idle(); });
    if (state->stopping) break;
    std::string text;
    if (const uint64_t dropped = std::exchange(state->dropped, 0); dropped > 0)
      text = state->describe_gap(dropped);
    if (!state->lines.empty()) {
      state->waiting_bytes -= state->lines.front().size();
      text += state->lines.front();
      state->lines.pop_front();
    }
    state->writing = true;
    lock.unlock();
    state->WriteAll(text);
    lock.lock();
  }
  state->ended = true;
  state->written.notify_all();
}

}  // namespace ingle
