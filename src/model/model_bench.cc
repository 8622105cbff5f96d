// Speed of steps on a model file of yours: INGLE_BENCH_MODEL=FILE model_bench
// [--benchmark_filter=...]. INGLE_BENCH_THREADS sets the threads; each line ends with where the
// time of a step went, in milliseconds.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"

namespace ingle {
namespace {

Model* LoadOnce() {
  static const std::unique_ptr<Model> model = []() -> std::unique_ptr<Model> {
    const char* path = std::getenv("INGLE_BENCH_MODEL");
    if (!path) return nullptr;
    ModelOptions options;
    if (const char* threads = std::getenv("INGLE_BENCH_THREADS"))
      options.threads = static_cast<uint32_t>(std::atoi(threads));
    auto loaded = LoadModel(path, options);
    return loaded ? std::move(loaded->model) : nullptr;
  }();
  return model.get();
}

std::vector<int32_t> Tokens(uint32_t count, uint32_t vocab) {
  std::vector<int32_t> tokens(count);
  for (uint32_t i = 0; i < count; ++i) tokens[i] = static_cast<int32_t>((i * 7919ull + 13) % vocab);
  return tokens;
}

// sequences with `depth` tokens in the cache each, then steps of `tokens` tokens of every one.
void Steps(benchmark::State& state) {
  Model* model = LoadOnce();
  if (!model) return state.SkipWithError("set INGLE_BENCH_MODEL to a model file");
  const auto sequences = static_cast<uint32_t>(state.range(0));
  const auto tokens = static_cast<uint32_t>(state.range(1));
  const auto depth = static_cast<uint32_t>(state.range(2));
  const uint32_t vocab = model->info().vocab;
  const auto text = Tokens(std::max(tokens, depth), vocab);
  std::vector<float> logits(size_t{sequences} * vocab);
  const StepProfile* profile = model->profile();
  std::array<double, kStepPhases> seconds{};
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<std::unique_ptr<Sequence>> all;
    std::vector<Segment> segments;
    for (uint32_t i = 0; i < sequences; ++i) {
      all.push_back(model->NewSequence());
      Segment before{all.back().get(), std::span(text).first(depth)};
      before.no_logits = true;
      if (depth > 0 && !model->Step({&before, 1}, {})) return state.SkipWithError("no room");
      segments.push_back({all.back().get(), std::span(text).first(tokens)});
    }
    const StepProfile start = *profile;
    state.ResumeTiming();
    if (!model->Step(segments, logits)) return state.SkipWithError("no room");
    state.PauseTiming();
    for (size_t i = 0; i < kStepPhases; ++i) seconds[i] += profile->seconds[i] - start.seconds[i];
    all.clear();
    state.ResumeTiming();
  }
  const auto steps = static_cast<double>(state.iterations());
  state.counters["tokens/s"] =
      benchmark::Counter(steps * sequences * tokens, benchmark::Counter::kIsRate);
  for (size_t i = 0; i < kStepPhases; ++i)
    state.counters[std::string(kStepPhaseNames[i])] = seconds[i] * 1e3 / steps;
}

BENCHMARK(Steps)
    ->ArgNames({"sequences", "tokens", "depth"})
    ->Args({1, 512, 0})
    ->Args({1, 1, 16})
    ->Args({1, 1, 1024})
    ->Args({8, 1, 128})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace ingle
