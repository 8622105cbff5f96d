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

struct Seconds {
  double least, median;
};

// Calls pass() until `seconds` are over, at least kPassesAtLeast times.
template <class Pass>
Seconds Time(double seconds, const Pass& pass) {
  std::vector<double> all;
  for (double sum = 0; sum < seconds || all.size() < kPassesAtLeast; sum += all.back()) {
    const auto begin = std::chrono::steady_clock::now();
    pass();
    all.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(all);
  return {all.front(), all[all.size() / 2]};
}

Status MeasureReading(ThreadTeam& team, const MachineLimitsOptions& options,
                      void (*read)(const std::byte*, size_t), MachineLimits& limits) {
  INGLE_TRY(const MemoryRegion memory, MemoryRegion::Reserve(options.read_bytes, "measuring"));
  auto* words = reinterpret_cast<uint64_t*>(memory.data());
  const uint64_t count = options.read_bytes / 8 / kChunkWords * kChunkWords;
  team.ParallelFor(count, kChunkWords, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) words[i] = i;  // Untouched pages would all be one page.
  });
  const Seconds time = Time(options.seconds_each, [&] {
    team.ParallelFor(count, kChunkWords, [&](uint64_t begin, uint64_t end) {
      read(memory.data() + begin * 8, (end - begin) * 8);
    });
  });
  const double gigabytes = static_cast<double>(count) * 8 / 1e9;
  limits.read_gb_per_s = gigabytes / time.least;
  limits.usual_read_gb_per_s = gigabytes / time.median;
  return {};
}

void MeasureProducts(ThreadTeam& team, const ProductLoop& loop, double seconds_each, double& best,
                     double& usual) {
  const auto run = [&](uint64_t rounds) { team.Run([&](uint32_t) { loop.run(rounds); }); };
  // As many rounds as take about a tenth of the time, so that starting the threads is not seen.
  constexpr uint64_t kRoundsAtLeast = 1024;
  const double once = Time(0, [&] { run(kRoundsAtLeast); }).median;
  const auto factor = static_cast<uint64_t>(seconds_each / 10 / once);
  const uint64_t rounds = kRoundsAtLeast * std::max<uint64_t>(1, factor);
  const Seconds time = Time(seconds_each, [&] { run(rounds); });
  const double products = static_cast<double>(rounds * loop.products_per_round * team.size()) / 1e9;
  best = products / time.least;
  usual = products / time.median;
}

}  // namespace

Result<MachineLimits> MeasureMachineLimits(const MachineLimitsOptions& options) {
  ThreadTeam team(options.threads != 0 ? options.threads : UsableCores());
  const ProductLoops loops = ProductLoopsOf(options.tier);
  MachineLimits limits;
  limits.tier = options.tier;
  limits.threads = team.size();
  INGLE_RETURN_IF_ERROR(MeasureReading(team, options, loops.read, limits));
  MeasureProducts(team, loops.integers, options.seconds_each, limits.integer_gmac_per_s,
                  limits.usual_integer_gmac_per_s);
  MeasureProducts(team, loops.floats, options.seconds_each, limits.float_gmac_per_s,
                  limits.usual_float_gmac_per_s);
  return limits;
}

}  // namespace ingle
