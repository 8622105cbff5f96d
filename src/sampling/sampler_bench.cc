#include <benchmark/benchmark.h>

#include <cmath>

#include "base/counter_random.h"
#include "sampling/log_probabilities.h"
#include "sampling/sampler.h"

namespace ingle {
namespace {

constexpr size_t kVocab = 151936;

// Roughly normal, deviation 3, like the rows of a language model.
std::vector<float> Row() {
  std::vector<float> row(kVocab);
  for (size_t i = 0; i < kVocab; ++i) {
    double sum = 0;
    for (uint64_t j = 0; j < 12; ++j) sum += UniformDraw(i, j, DrawPurpose::kTest);
    row[i] = static_cast<float>(3 * (sum - 6));
  }
  return row;
}

void Run(benchmark::State& state, const EffectiveSampling& settings, int history) {
  static const std::vector<float> row = Row();
  Sampler sampler(settings, 4096);
  for (int i = 0; i < history; ++i) sampler.Accept(i * 37);
  SamplerScratch scratch;
  uint64_t position = 0;
  std::vector<float> logits = row;
  for (auto _ : state) benchmark::DoNotOptimize(sampler.Sample(logits, position++, &scratch));
}

void Defaults(benchmark::State& state) { Run(state, {}, 0); }
void Greedy(benchmark::State& state) {
  EffectiveSampling s;
  s.temperature.value = 0;
  Run(state, s, 0);
}
void EverythingOff(benchmark::State& state) {
  EffectiveSampling s;
  s.top_k.value = 0;
  s.top_p.value = 1;
  s.min_p.value = 0;
  s.temperature.value = 1;
  Run(state, s, 0);
}
void TopPOnly(benchmark::State& state) {
  EffectiveSampling s;
  s.top_k.value = 0;
  s.min_p.value = 0;
  Run(state, s, 0);
}
void MinPOnly(benchmark::State& state) {
  EffectiveSampling s;
  s.top_k.value = 0;
  s.top_p.value = 1;
  Run(state, s, 0);
}
void Typical(benchmark::State& state) {
  EffectiveSampling s;
  s.top_k.value = 0;
  s.typical_p.value = 0.9;
  Run(state, s, 0);
}
void ReadLogProbabilities(benchmark::State& state) {
  static const std::vector<float> row = Row();
  LogProbabilities read;
  for (auto _ : state) {
    read.Read(row);
    benchmark::DoNotOptimize(read.Of(1));
  }
}

BENCHMARK(Defaults)->Unit(benchmark::kMicrosecond);
BENCHMARK(Greedy)->Unit(benchmark::kMicrosecond);
BENCHMARK(EverythingOff)->Unit(benchmark::kMicrosecond);
BENCHMARK(TopPOnly)->Unit(benchmark::kMicrosecond);
BENCHMARK(MinPOnly)->Unit(benchmark::kMicrosecond);
BENCHMARK(Typical)->Unit(benchmark::kMicrosecond);
BENCHMARK(ReadLogProbabilities)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingle
