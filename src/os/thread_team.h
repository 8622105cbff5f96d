#pragma once
// A fixed team of threads that runs one function at a time on all of them; the caller is thread 0.

#include <cstdint>
#include <functional>
#include <memory>

namespace ingle {

class ThreadTeam {
 public:
  // threads: 1..1024, the caller included. Each sets flush-to-zero (see docs/ARCHITECTURE, arithmetic contract).
  explicit ThreadTeam(uint32_t threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  uint32_t size() const;
  // Runs job(thread) on every thread and waits for all.
  void Run(const std::function<void(uint32_t thread)>& job);
  // Inside a job: waits until every thread has arrived.
  void Barrier();
  // Runs body(begin, end) over [0, count) in chunks that idle threads take; order and owner never change results.
  void ParallelFor(uint64_t count, uint64_t chunk, const std::function<void(uint64_t begin, uint64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ingle
