// Products per weight type, number of tokens, tier and threads, with bytes and multiply-adds
// counted. One token: a matrix far larger than the caches, so memory bounds it; many tokens:
// products do. "limit" is the share of what this machine can do at most (os/machine_limits.h),
// measured once at the start for each tier and number of threads.
//   tensor_bench --benchmark_filter=Multiply/q4_k
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/dispatch.h"
#include "os/machine_limits.h"
#include "os/memory_region.h"
#include "os/thread_team.h"
#include "tensor/packed_matrix.h"

namespace ingle {
namespace {

constexpr size_t kDecodeBytes = size_t{256} << 20;  // Of weights, for few tokens.
constexpr uint32_t kCols = 1536;                    // The width of a 1.5B model.
constexpr uint64_t kRowChunk = 64;

MemoryRegion RandomBytes(size_t bytes) {
  MemoryRegion region = MemoryRegion::Reserve(bytes, "benchmark").value();
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i + 8 <= bytes; i += 8) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    const uint64_t bits = state & 0xbfffbfffbfffbfffu;  // No half float infinity or NaN.
    std::memcpy(region.data() + i, &bits, 8);
  }
  return region;
}

const MachineLimits& LimitsOf(const char* tier, uint32_t threads) {
  static std::map<std::pair<std::string, uint32_t>, MachineLimits> measured;
  auto& limits = measured[{tier, threads}];
  if (limits.threads == 0) {
    MachineLimitsOptions options;
    options.tier = tier;
    options.threads = threads;
    limits = MeasureMachineLimits(options).value();
    std::fprintf(stderr, "%s, %u threads at most: %.1f GB/s, %.0f GMAC/s int8, %.0f float\n", tier,
                 threads, limits.read_gb_per_s, limits.integer_gmac_per_s, limits.float_gmac_per_s);
  }
  return limits;
}

void Multiply(benchmark::State& state, const Kernels* kernels, DType type, uint32_t tokens,
              uint32_t threads) {
  const size_t tile_bytes = Packed(type, 16, kCols, nullptr)->tile_bytes;
  const uint32_t rows = tokens <= 32 ? static_cast<uint32_t>(kDecodeBytes / tile_bytes) * 16 : 8960;
  const MemoryRegion weights = RandomBytes(PackedBytes(type, rows, kCols).value());
  const PackedMatrix matrix = Packed(type, rows, kCols, weights.data()).value();
  const size_t stride = ActivationBytes(matrix.activation, kCols);
  const MemoryRegion activations = MemoryRegion::Reserve(stride * tokens, "benchmark").value();
  std::mt19937 random(1);
  std::vector<float> x(kCols);
  for (uint32_t t = 0; t < tokens; ++t) {
    for (auto& v : x) v = std::normal_distribution<float>()(random);
    QuantizeActivations(*kernels, matrix.activation, x.data(), kCols,
                        activations.data() + t * stride);
  }
  std::vector<float> out(size_t{tokens} * rows);
  ThreadTeam team(threads);
  for ([[maybe_unused]] auto _ : state) {
    team.ParallelFor(rows, kRowChunk, [&](uint64_t begin, uint64_t end) {
      Multiply(*kernels, matrix, activations.data(), tokens, static_cast<uint32_t>(begin),
               static_cast<uint32_t>(end), out.data() + begin, rows);
    });
    benchmark::DoNotOptimize(out.data());
  }
  const double macs = double{1} * rows * kCols * tokens * static_cast<double>(state.iterations());
  const auto bytes = state.iterations() * static_cast<int64_t>(tile_bytes * (rows / 16));
  state.SetBytesProcessed(bytes);
  state.counters["MAC/s"] = benchmark::Counter(macs, benchmark::Counter::kIsRate);
  const MachineLimits& limits = LimitsOf(kernels->name, threads);
  const bool floats = matrix.activation <= kActivationBf16x2;
  const double parts = matrix.activation == kActivationBf16x2 ? 3 : 1;  // See kernels/README.md.
  const double peak = (floats ? limits.float_gmac_per_s : limits.integer_gmac_per_s) * 1e9;
  const double least_s =
      std::max(static_cast<double>(bytes) / (limits.read_gb_per_s * 1e9), macs * parts / peak);
  state.counters["limit"] = benchmark::Counter(least_s, benchmark::Counter::kIsRate);
}

void Quantize(benchmark::State& state, const Kernels* kernels, ActivationKind kind) {
  std::vector<float> x(kCols);
  std::mt19937 random(1);
  for (auto& v : x) v = std::normal_distribution<float>()(random);
  const MemoryRegion out = MemoryRegion::Reserve(ActivationBytes(kind, kCols), "benchmark").value();
  for ([[maybe_unused]] auto _ : state) {
    QuantizeActivations(*kernels, kind, x.data(), kCols, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * kCols);
}

void Pack(benchmark::State& state, DType type) {
  constexpr uint32_t kRows = 1536;
  const size_t bytes = size_t{kRows} * (kCols / Info(type).block_weights) * Info(type).block_bytes;
  const MemoryRegion source = RandomBytes(bytes);
  const MemoryRegion packed =
      MemoryRegion::Reserve(PackedBytes(type, kRows, kCols).value(), "benchmark").value();
  const TensorView view = {type, kRows, kCols, source.data()};
  for ([[maybe_unused]] auto _ : state) PackTiles(view, 0, TileCount(kRows), packed.data());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

const int kRegistered = [] {
  constexpr DType kTypes[] = {DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kQ8_0,
                              DType::kQ4_0, DType::kQ4_1, DType::kQ5_0, DType::kQ5_1,
                              DType::kBF16, DType::kF16,  DType::kF32};
  for (DType type : kTypes) {
    const std::string name(Info(type).name);
    for (const Kernels* kernels : SupportedKernels()) {
      for (uint32_t tokens : {1u, 2u, 4u, 8u, 16u, 32u, 512u}) {
        for (uint32_t threads : {1u, 2u}) {
          const std::string full = "Multiply/" + name + "/" + kernels->name +
                                   "/tokens:" + std::to_string(tokens) +
                                   "/threads:" + std::to_string(threads);
          benchmark::RegisterBenchmark(full.c_str(), Multiply, kernels, type, tokens, threads)
              ->UseRealTime()
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
    benchmark::RegisterBenchmark(("Pack/" + name).c_str(), Pack, type);
  }
  for (const Kernels* kernels : SupportedKernels()) {
    for (uint32_t kind = 0; kind < kActivationKinds; ++kind) {
      const std::string full =
          std::string("Quantize/") + kernels->name + "/kind:" + std::to_string(kind);
      benchmark::RegisterBenchmark(full.c_str(), Quantize, kernels,
                                   static_cast<ActivationKind>(kind));
    }
  }
  return 0;
}();

}  // namespace
}  // namespace ingle
