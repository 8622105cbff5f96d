#include "os/thread_team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <climits>
#include <thread>
#include <vector>

#include "os/cpu_topology.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ingle {

#if defined(__x86_64__)
namespace {
constexpr uint32_t kFlushToZero = 0x8000, kSubnormalsAreZero = 0x0040;  // MXCSR bits FTZ and DAZ.
}
FlushSubnormals::FlushSubnormals() : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ | kFlushToZero | kSubnormalsAreZero);
}
FlushSubnormals::~FlushSubnormals() { _mm_setcsr(saved_); }
KeepSubnormals::KeepSubnormals() : saved_(_mm_getcsr()) {
  _mm_setcsr(saved_ & ~(kFlushToZero | kSubnormalsAreZero));
}
KeepSubnormals::~KeepSubnormals() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
namespace {
constexpr uint64_t kFlushToZero = 1U << 24;  // FPCR bit FZ.
uint64_t FloatControl() {
  uint64_t control;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  return control;
}
void SetFloatControl(uint64_t control) { asm volatile("msr fpcr, %0" ::"r"(control)); }
}  // namespace
FlushSubnormals::FlushSubnormals() : saved_(static_cast<uint32_t>(FloatControl())) {
  SetFloatControl(saved_ | kFlushToZero);
}
FlushSubnormals::~FlushSubnormals() { SetFloatControl(saved_); }
KeepSubnormals::KeepSubnormals() : saved_(static_cast<uint32_t>(FloatControl())) {
  SetFloatControl(saved_ & ~kFlushToZero);
}
KeepSubnormals::~KeepSubnormals() { SetFloatControl(saved_); }
#else
#error "Say here how this processor flushes subnormal numbers to zero."
#endif

namespace {

// A phase of a decode step takes 10 to 500 us, so a waiting thread that spins this long rarely
// sleeps within a step, and one that waits for the next request costs nothing.
constexpr auto kSpin = std::chrono::microseconds(60);
constexpr int kPausesPerLook = 64;  // Looks at the clock once per this many looks at the word.

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#else
  asm volatile("yield");
#endif
}

// A word that threads wait on: they spin first, then sleep in the kernel.
struct alignas(64) WaitWord {
  std::atomic<uint32_t> value{0};
  std::atomic<uint32_t> sleepers{0};

  uint32_t* Address() { return reinterpret_cast<uint32_t*>(&value); }

  void Publish(uint32_t next) {
    value.store(next, std::memory_order_seq_cst);
    // Sequentially consistent with WaitWhile: either this sees the sleeper or the sleeper sees the
    // new value.
    if (sleepers.load(std::memory_order_seq_cst) != 0)
      syscall(SYS_futex, Address(), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }

  void WaitWhile(uint32_t old, bool spin) {
    if (spin) {
      const auto end = std::chrono::steady_clock::now() + kSpin;
      do {
        for (int i = 0; i < kPausesPerLook; ++i) {
          if (value.load(std::memory_order_acquire) != old) return;
          Pause();
        }
      } while (std::chrono::steady_clock::now() < end);
    }
    sleepers.fetch_add(1, std::memory_order_seq_cst);
    while (value.load(std::memory_order_seq_cst) == old)
      syscall(SYS_futex, Address(), FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
    sleepers.fetch_sub(1, std::memory_order_relaxed);
  }
};

}  // namespace

void NameThisThread(const char* name) { pthread_setname_np(pthread_self(), name); }

struct ThreadTeam::State {
  uint32_t threads = 1;
  bool spin = true;  // Off when threads outnumber cores: a spinning thread would hold up the one it
                     // waits for.
  std::vector<std::thread> workers;
  const std::function<void(uint32_t)>* job =
      nullptr;          // Null when the team ends. Guarded by `round`.
  WaitWord round;       // Number of the job.
  WaitWord generation;  // Number of the barrier.
  alignas(64) std::atomic<uint32_t> arrived{0};
  struct alignas(64) Counter {
    std::atomic<uint64_t> taken{0};
  };
  std::vector<Counter> counters;  // [threads], see ForChunks.

  void ResetCounters() {
    for (Counter& counter : counters) counter.taken.store(0, std::memory_order_relaxed);
  }
};

ThreadTeam::ThreadTeam(uint32_t threads) : state_(std::make_unique<State>()) {
  state_->threads = std::clamp(threads, 1U, 1024U);
  state_->spin = state_->threads <= UsableCpus();
  state_->counters = std::vector<State::Counter>(state_->threads);
  for (uint32_t thread = 1; thread < state_->threads; ++thread) {
    state_->workers.emplace_back([this, thread] {
      NameThisThread("ingle-team");
      const FlushSubnormals flush;
      for (uint32_t seen = 0;; ++seen) {
        state_->round.WaitWhile(seen, state_->spin);
        if (!state_->job) return;
        (*state_->job)(thread);
        Barrier();
      }
    });
  }
}

ThreadTeam::~ThreadTeam() {
  state_->job = nullptr;
  state_->round.Publish(state_->round.value.load(std::memory_order_relaxed) + 1);
  for (auto& worker : state_->workers) worker.join();
}

uint32_t ThreadTeam::size() const { return state_->threads; }

void ThreadTeam::Run(const std::function<void(uint32_t thread)>& job) {
  const FlushSubnormals flush;
  state_->ResetCounters();
  if (state_->threads > 1) {
    state_->job = &job;
    state_->round.Publish(state_->round.value.load(std::memory_order_relaxed) + 1);
  }
  job(0);
  Barrier();
}

void ThreadTeam::Barrier() {
  State& s = *state_;
  const uint32_t generation = s.generation.value.load(std::memory_order_relaxed);
  if (s.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == s.threads) {
    s.arrived.store(0, std::memory_order_relaxed);
    s.ResetCounters();
    s.generation.Publish(generation + 1);
  } else {
    s.generation.WaitWhile(generation, s.spin);
  }
}

uint64_t ThreadTeam::Take(uint64_t owner) {
  return state_->counters[owner].taken.fetch_add(1, std::memory_order_relaxed);
}

void ThreadTeam::ParallelFor(uint64_t count, uint64_t chunk,
                             const std::function<void(uint64_t begin, uint64_t end)>& body) {
  Run([&](uint32_t thread) { ForChunks(thread, count, chunk, body); });
}

}  // namespace ingle
