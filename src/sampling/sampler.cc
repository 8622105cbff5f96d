#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/counter_random.h"
#include "sampling/weights.h"

namespace ingle {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

bool HasPenalties(const EffectiveSampling& s) {
  return s.repeat_last_n.value != 0 && (s.repetition_penalty.value != 1.0 || s.frequency_penalty.value != 0.0 ||
                                        s.presence_penalty.value != 0.0);
}

size_t WindowSize(const EffectiveSampling& s, uint32_t context) {
  if (!HasPenalties(s)) return 0;
  return s.repeat_last_n.value < 0 ? context : static_cast<size_t>(s.repeat_last_n.value);
}

// The share `p` of `total`, rounded up: the smallest integer mass that reaches it.
uint64_t Mass(uint64_t total, double p) {
  double mass = std::ceil(static_cast<double>(total) * p);
  return std::min(total, static_cast<uint64_t>(mass));
}

float LargestLogit(const std::vector<Candidate>& candidates) {
  float largest = kForbidden;
  for (const Candidate& c : candidates) largest = std::max(largest, c.logit);
  return largest;
}

// scratch->weights = exp(logit - largest) of each candidate; returns the sum.
uint64_t SoftmaxWeights(float temperature, SamplerScratch* scratch) {
  const auto& candidates = scratch->candidates;
  float largest = LargestLogit(candidates);
  scratch->exponents.resize(candidates.size());
  scratch->weights.resize(candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i)
    scratch->exponents[i] = (candidates[i].logit - largest) / temperature;
  ExpWeights(scratch->exponents, scratch->weights);
  return std::accumulate(scratch->weights.begin(), scratch->weights.end(), uint64_t{0});
}

// Keeps the shortest prefix, in the order `before` of indices, whose weights sum to at least `mass`. Only the prefix
// gets sorted: a growing part is selected until it is heavy enough.
template <class Before>
void KeepPrefix(uint64_t mass, Before before, SamplerScratch* scratch) {
  auto& order = scratch->order;
  order.resize(scratch->candidates.size());
  std::iota(order.begin(), order.end(), 0u);
  uint64_t sum = 0;
  size_t done = 0, kept = order.size();
  for (size_t part = 128; done < order.size() && kept == order.size(); part *= 8) {
    size_t end = std::min(order.size(), done + part);
    auto from = order.begin() + static_cast<ptrdiff_t>(done), to = order.begin() + static_cast<ptrdiff_t>(end);
    if (to != order.end()) std::nth_element(from, to, order.end(), before);
    std::sort(from, to, before);
    for (; done < end; ++done) {
      sum += scratch->weights[order[done]];
      if (sum < mass) continue;
      kept = done + 1;
      break;
    }
  }
  order.resize(kept);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < kept; ++i) scratch->candidates[i] = scratch->candidates[order[i]];
  scratch->candidates.resize(kept);
}

// Locally typical sampling (Meister et al. 2022): tokens whose surprise is nearest to the entropy, until their
// probability exceeds p.
void KeepTypical(double p, SamplerScratch* scratch) {
  uint64_t total = SoftmaxWeights(1.0f, scratch);
  double log_total = NaturalLog(static_cast<double>(total) * 0x1p-44);
  const auto& exponents = scratch->exponents;
  double entropy = log_total;
  for (size_t i = 0; i < exponents.size(); ++i)
    entropy -= static_cast<double>(scratch->weights[i]) / static_cast<double>(total) * exponents[i];
  scratch->scores.resize(exponents.size());
  for (size_t i = 0; i < exponents.size(); ++i)
    scratch->scores[i] = std::abs(log_total - exponents[i] - entropy);
  auto before = [scratch](uint32_t a, uint32_t b) {
    if (scratch->scores[a] != scratch->scores[b]) return scratch->scores[a] < scratch->scores[b];
    return Likelier(scratch->candidates[a], scratch->candidates[b]);
  };
  uint64_t mass = static_cast<uint64_t>(static_cast<double>(total) * p) + 1;  // Strictly more than p.
  KeepPrefix(mass, before, scratch);
}

// The smallest set of likeliest tokens whose probability reaches p.
void KeepTopP(double p, SamplerScratch* scratch) {
  uint64_t total = SoftmaxWeights(1.0f, scratch);
  auto before = [scratch](uint32_t a, uint32_t b) {
    return Likelier(scratch->candidates[a], scratch->candidates[b]);
  };
  KeepPrefix(std::max<uint64_t>(1, Mass(total, p)), before, scratch);
}

// Tokens with at least the share p of the likeliest one's probability.
void KeepMinP(double p, SamplerScratch* scratch) {
  float least = LargestLogit(scratch->candidates) + static_cast<float>(NaturalLog(p));
  std::erase_if(scratch->candidates, [least](const Candidate& c) { return c.logit < least; });
}

}  // namespace

Sampler::Sampler(const EffectiveSampling& settings, uint32_t context, std::vector<int32_t> forbidden)
    : settings_(settings), forbidden_(std::move(forbidden)), window_(WindowSize(settings, context)) {}

void Sampler::Accept(int32_t token) { window_.Push(token); }

void Sampler::ApplyBias(std::span<float> logits) const {
  for (const auto& [token, bias] : settings_.logit_bias)
    logits[static_cast<size_t>(token)] += static_cast<float>(bias);
  for (int32_t token : forbidden_) logits[static_cast<size_t>(token)] = kForbidden;
}

// Repetition penalty of Keskar et al. 2019 with llama.cpp's rule for negative logits, then the OpenAI API's two.
void Sampler::ApplyPenalties(std::span<float> logits) const {
  const float repetition = static_cast<float>(settings_.repetition_penalty.value);
  const float frequency = static_cast<float>(settings_.frequency_penalty.value);
  const float presence = static_cast<float>(settings_.presence_penalty.value);
  for (const auto& [token, count] : window_.counts()) {
    float& logit = logits[static_cast<size_t>(token)];
    if (logit <= 0)
      logit *= repetition;
    else
      logit /= repetition;
    logit -= static_cast<float>(count) * frequency + presence;
  }
}

void Sampler::Narrow(std::span<const float> logits, const Largest& largest, SamplerScratch* scratch) const {
  const int64_t k = settings_.top_k.value;
  const double temperature = settings_.temperature.value;
  if (k > 0 && static_cast<uint64_t>(k) < logits.size()) {
    SelectTopK(logits, static_cast<size_t>(k), &scratch->candidates);
  } else {
    // What lies further below has weight zero under the temperature, and in every stage before it.
    float range = kWeightRange * static_cast<float>(std::max(1.0, temperature));
    SelectAtLeast(logits, largest.logit - range, &scratch->candidates);
  }
  if (settings_.typical_p.value < 1.0) KeepTypical(settings_.typical_p.value, scratch);
  if (settings_.top_p.value < 1.0) KeepTopP(settings_.top_p.value, scratch);
  if (settings_.min_p.value > 0.0) KeepMinP(settings_.min_p.value, scratch);
}

uint64_t Sampler::Weigh(SamplerScratch* scratch) const {
  if (settings_.temperature.value > 0)
    return SoftmaxWeights(static_cast<float>(settings_.temperature.value), scratch);
  // Zero temperature: all weight on the likeliest.
  const auto& candidates = scratch->candidates;
  auto best = std::min_element(candidates.begin(), candidates.end(), Likelier);
  scratch->weights.assign(candidates.size(), 0);
  scratch->weights[static_cast<size_t>(best - candidates.begin())] = 1;
  return 1;
}

Result<std::optional<int32_t>> Sampler::Sample(std::span<float> logits, uint64_t position,
                                               SamplerScratch* scratch) const {
  ApplyBias(logits);
  if (HasPenalties(settings_)) ApplyPenalties(logits);
  Largest largest = FindLargest(logits);
  if (largest.not_a_number)
    return Fail(ErrorCode::kInternal, "the model produced logits that are not numbers; its file may be damaged");
  if (largest.id < 0) return std::nullopt;
  // Every filter but typical keeps the likeliest token.
  if (settings_.temperature.value <= 0 && settings_.typical_p.value >= 1.0) return largest.id;
  Narrow(logits, largest, scratch);
  uint64_t total = Weigh(scratch);
  double draw = UniformDraw(settings_.seed.value, position, DrawPurpose::kToken);
  // total < 2^63 and draw < 1: the product rounds to at most total; the last candidate with weight catches that.
  uint64_t target = static_cast<uint64_t>(static_cast<double>(total) * draw);
  target = std::min(target, total - 1);
  uint64_t sum = 0;
  for (size_t i = 0; i < scratch->candidates.size(); ++i) {
    sum += scratch->weights[i];
    if (sum > target) return scratch->candidates[i].id;
  }
  return Fail(ErrorCode::kInternal, "the sampler found no token; please report this");
}

Result<std::vector<std::pair<int32_t, double>>> Sampler::Distribution(std::span<float> logits,
                                                                      SamplerScratch* scratch) const {
  ApplyBias(logits);
  if (HasPenalties(settings_)) ApplyPenalties(logits);
  Largest largest = FindLargest(logits);
  if (largest.not_a_number)
    return Fail(ErrorCode::kInternal, "the model produced logits that are not numbers; its file may be damaged");
  std::vector<std::pair<int32_t, double>> distribution;
  if (largest.id < 0) return distribution;
  Narrow(logits, largest, scratch);
  uint64_t total = Weigh(scratch);
  for (size_t i = 0; i < scratch->candidates.size(); ++i)
    if (scratch->weights[i] > 0)
      distribution.emplace_back(scratch->candidates[i].id,
                                static_cast<double>(scratch->weights[i]) / static_cast<double>(total));
  return distribution;
}

}  // namespace ingle
