// Attention of one sequence's step over pages of the cache, per tier, cache format, context and
// queries: one query group is a decode step, 48 rows are a prompt's. Bytes are keys and values,
// each read once; "limit" is the share of what this machine can do at most (os/machine_limits.h).
//   cache_bench --benchmark_filter=Attend/bf16
#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "cache/kv_cache.h"
#include "kernels/dispatch.h"
#include "os/machine_limits.h"
#include "os/thread_team.h"

namespace ingle {
namespace {

// Key-value heads and head size of a 1.5B model, with the layers of a longer one: the cache must
// not fit into the processor's.
constexpr uint32_t kDim = 128, kKvHeads = 2, kGroup = 6, kLayers = 28;

const MachineLimits& LimitsOf(const char* tier) {
  static std::map<std::string, MachineLimits> measured;
  auto& limits = measured[tier];
  if (limits.threads == 0) {
    MachineLimitsOptions options;
    options.tier = tier;
    options.threads = 1;
    limits = MeasureMachineLimits(options).value();
  }
  return limits;
}

struct Buffers {
  std::vector<float> queries, maximum, sum, out;
  std::vector<uint32_t> counts;

  explicit Buffers(uint32_t rows)
      : queries(size_t{rows} * kDim),
        maximum(2 * rows),
        sum(2 * rows),
        out(2 * queries.size()),
        counts(rows) {
    std::mt19937 random(1);
    for (float& q : queries) q = std::normal_distribution<float>(0, 0.1f)(random);
  }
  AttentionState State(uint32_t index) {
    const size_t rows = counts.size();
    return {&maximum[index * rows], &sum[index * rows], &out[index * rows * kDim]};
  }
};

// Every split of one layer and head, merged, as a thread of a step does it.
void AttendAll(const Kernels& kernels, const KvCache& cache, const std::vector<uint32_t>& pages,
               uint32_t context, uint32_t layer, uint32_t head, Buffers& buffers) {
  AttentionArgs args{};
  args.queries = buffers.queries.data();
  args.rows = static_cast<uint32_t>(buffers.counts.size());
  args.dim = kDim;
  args.counts = buffers.counts.data();
  for (uint32_t first = 0; first < context; first += kSplitTokens) {
    const uint32_t count = std::min(kSplitTokens, context - first);
    std::ranges::fill(buffers.counts, count);
    for (uint32_t i = 0; i < kSplitPages; ++i) {
      const uint32_t page = pages[first / kPageTokens + (i * kPageTokens < count ? i : 0)];
      args.keys[i] = cache.Keys(page, layer, head);
      args.values[i] = cache.Values(page, layer, head);
    }
    kernels.attention.split[cache.format()](args, buffers.State(first != 0));
    if (first != 0) kernels.attention.merge(buffers.State(1), buffers.State(0), args.rows, kDim);
  }
  kernels.attention.finish(buffers.State(0), args.rows, kDim);
}

void Attend(benchmark::State& state, const Kernels* kernels, CacheFormat format, uint32_t context,
            uint32_t rows) {
  const FlushSubnormals flush;
  CacheShape shape;
  shape.format = format;
  shape.head_dim = kDim;
  shape.kv_heads.assign(kLayers, kKvHeads);
  shape.state_floats.assign(kLayers, 0);
  KvCache cache = KvCache::Create(shape, context).value();
  std::vector<uint32_t> pages;
  if (!cache.pool().Take(context / kPageTokens, pages)) return state.SkipWithError("no pages");
  std::vector<float> values(kDim, 0.01f);
  for (uint32_t at = 0; at < context; ++at)
    for (uint32_t i = 0; i < kLayers * kKvHeads; ++i) {
      values[at % kDim] = static_cast<float>(at % 17) * 0.1f;
      cache.StoreKey(pages[at / kPageTokens], i / kKvHeads, i % kKvHeads, at % kPageTokens,
                     values.data());
      cache.StoreValue(pages[at / kPageTokens], i / kKvHeads, i % kKvHeads, at % kPageTokens,
                       values.data());
    }
  Buffers buffers(rows);
  for ([[maybe_unused]] auto _ : state)
    for (uint32_t i = 0; i < kLayers * kKvHeads; ++i)
      AttendAll(*kernels, cache, pages, context, i / kKvHeads, i % kKvHeads, buffers);
  const double heads = static_cast<double>(state.iterations()) * kLayers * kKvHeads;
  const double bytes =
      heads * 2 * context / kPageTokens * static_cast<double>(CacheBlockBytes(format, kDim));
  const double macs = heads * 2 * context * kDim * rows;
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["MAC/s"] = benchmark::Counter(macs, benchmark::Counter::kIsRate);
  const MachineLimits& limits = LimitsOf(kernels->name);
  state.counters["limit"] = benchmark::Counter(
      std::max(bytes / limits.read_gb_per_s, macs / limits.float_gmac_per_s) / 1e9,
      benchmark::Counter::kIsRate);
}

const int kRegistered = [] {
  for (const Kernels* kernels : SupportedKernels())
    for (const CacheFormat format : {kCacheBf16, kCacheF32, kCacheI8})
      for (const uint32_t context : {512u, 8192u})
        for (const uint32_t rows : {kGroup, 8 * kGroup})
          benchmark::RegisterBenchmark(
              (std::string("Attend/") + kCacheFormatNames[format] + "/" + kernels->name +
               "/context:" + std::to_string(context) + "/rows:" + std::to_string(rows))
                  .c_str(),
              Attend, kernels, format, context, rows)
              ->Unit(benchmark::kMillisecond);
  return 0;
}();

}  // namespace
}  // namespace ingle
