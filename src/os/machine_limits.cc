#include "os/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "os/cpu_topology.h"
#include "os/memory_region.h"
#include "os/product_loops.h"
#include "os/thread_team.h"

namespace ingle {
namespace {

constexpr size_t kChunkWords = 8192;  // 64 KiB: as the products take their weights.
constexpr size_t kPassesAtLeast = 3;

// Calls pass() until `seconds` are over, at least kPassesAtLeast times; the median of the passes'
// seconds.
template <class Pass>
double MedianSeconds(double seconds, const Pass& pass) {
  std::vector<double> all;
  for (double sum = 0; sum < seconds || all.size() < kPassesAtLeast; sum += all.back()) {
    const auto begin = std::chrono::steady_clock::now();
    pass();
    all.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(all.begin(), all.begin() + all.size() / 2, all.end());
  return all[all.size() / 2];
}

Result<double> ReadRate(ThreadTeam& team, const MachineLimitsOptions& options) {
  INGLE_TRY(const MemoryRegion memory, MemoryRegion::Reserve(options.read_bytes, "measuring"));
  auto* words = reinterpret_cast<uint64_t*>(memory.data());
  const uint64_t count = options.read_bytes / 8 / kChunkWords * kChunkWords;
  team.ParallelFor(count, kChunkWords, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) words[i] = i;  // Untouched pages would all be one page.
  });
  const double seconds = MedianSeconds(options.seconds_each, [&] {
    team.ParallelFor(count, kChunkWords, [&](uint64_t begin, uint64_t end) {
      uint64_t sums[8] = {};
      for (uint64_t i = begin; i < end; i += 8)
        for (uint64_t j = 0; j < 8; ++j) sums[j] ^= words[i + j];
      for (uint64_t& sum : sums) asm volatile("" : "+r"(sum));
    });
  });
  return static_cast<double>(count) * 8 / seconds / 1e9;
}

double ProductRate(ThreadTeam& team, const ProductLoop& loop, double seconds_each) {
  const auto run = [&](uint64_t rounds) { team.Run([&](uint32_t) { loop.run(rounds); }); };
  // As many rounds as take about a tenth of the time, so that starting the threads is not seen.
  uint64_t rounds = 1024;
  const double once = MedianSeconds(0, [&] { run(rounds); });
  rounds = std::max<uint64_t>(
      rounds, static_cast<uint64_t>(static_cast<double>(rounds) * seconds_each / 10 / once));
  const double seconds = MedianSeconds(seconds_each, [&] { run(rounds); });
  return static_cast<double>(rounds) * static_cast<double>(loop.products_per_round) * team.size() /
         seconds / 1e9;
}

}  // namespace

Result<MachineLimits> MeasureMachineLimits(const MachineLimitsOptions& options) {
  ThreadTeam team(options.threads != 0 ? options.threads : UsableCores());
  const ProductLoops loops = ProductLoopsOf(options.tier);
  MachineLimits limits;
  limits.tier = options.tier;
  limits.threads = team.size();
  INGLE_TRY(limits.read_gb_per_s, ReadRate(team, options));
  limits.integer_gmac_per_s = ProductRate(team, loops.integers, options.seconds_each);
  limits.float_gmac_per_s = ProductRate(team, loops.floats, options.seconds_each);
  return limits;
}

}  // namespace ingle
