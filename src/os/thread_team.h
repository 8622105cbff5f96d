#pragma once
// A fixed team of threads that runs one function at a time on all of them; the caller is thread 0.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>

namespace ingle {

// As `top -H` and /proc/PID/task/ID/comm show it; at most 15 characters.
void NameThisThread(const char* name);

// While it lives, this thread's subnormal inputs and results are zero, as the arithmetic contract
// asks of everything that touches a model's numbers. Restores what was set before.
class FlushSubnormals {
 public:
  FlushSubnormals();
  ~FlushSubnormals();
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  uint32_t saved_;
};

// While it lives, subnormal numbers count as they are: within a job of a team, for arithmetic that
// must not depend on which thread does it.
class KeepSubnormals {
 public:
  KeepSubnormals();
  ~KeepSubnormals();
  KeepSubnormals(const KeepSubnormals&) = delete;
  KeepSubnormals& operator=(const KeepSubnormals&) = delete;

 private:
  uint32_t saved_;
};

class ThreadTeam {
 public:
  // threads: 1..1024, the caller included. Each runs jobs with FlushSubnormals.
  explicit ThreadTeam(uint32_t threads);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  uint32_t size() const;
  // Runs job(thread) on every thread and waits for all. One Run at a time: one thread owns a team.
  void Run(const std::function<void(uint32_t thread)>& job);
  // Runs body(begin, end) over [0, count) in chunks that idle threads take; order and owner never
  // change results.
  void ParallelFor(uint64_t count, uint64_t chunk,
                   const std::function<void(uint64_t begin, uint64_t end)>& body);

  // Inside a job: waits until every thread has arrived.
  void Barrier();
  // Inside a job, by every thread of it and once between two barriers: body(begin, end) over
  // [0, count) in chunks. Each thread begins with a range of its own, so that it reads memory in
  // one stream, and then helps the others: a thread that lost its core for a while delays one
  // chunk, not the step.
  template <class Body>
  void ForChunks(uint32_t thread, uint64_t count, uint64_t chunk, const Body& body) {
    const uint64_t chunks = count / chunk + (count % chunk != 0), threads = size();
    for (uint64_t i = 0; i < threads; ++i) {
      const uint64_t owner = (thread + i) % threads, end = chunks * (owner + 1) / threads;
      for (uint64_t at = chunks * owner / threads + Take(owner); at < end;
           at = chunks * owner / threads + Take(owner))
        body(at * chunk, std::min((at + 1) * chunk, count));
    }
  }

 private:
  // How many chunks of the owner's range were taken before, in this round.
  uint64_t Take(uint64_t owner);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ingle
