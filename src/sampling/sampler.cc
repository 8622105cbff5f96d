#include "sampling/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/counter_random.h"
#include "sampling/weights.h"

namespace ingle {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

bool HasPenalties(const EffectiveSampling& s) {
  return s.repeat_last_n.value != 0 &&
         (s.repetition_penalty.value != 1.0 || s.frequency_penalty.value != 0.0 ||
          s.presence_penalty.value != 0.0);
}

Status NotNumbers() {
  return Fail(ErrorCode::kInternal,
              "the model produced logits that are not numbers; its file may be damaged");
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

// Several at once, because each comparison waits for the one before.
float LargestLogit(const std::vector<Candidate>& candidates) {
  constexpr size_t kChains = 8;
  std::array<float, kChains> largest;
  largest.fill(kForbidden);
  size_t i = 0;
  for (; i + kChains <= candidates.size(); i += kChains)
    for (size_t chain = 0; chain < kChains; ++chain)
      largest[chain] = std::max(largest[chain], candidates[i + chain].logit);
  for (; i < candidates.size(); ++i) largest[0] = std::max(largest[0], candidates[i].logit);
  return *std::max_element(largest.begin(), largest.end());
}

// Vectors of the scratch only grow: making room again would fill it with zeros.
template <class T>
std::span<T> Room(std::vector<T>* in, size_t size) {
  if (in->size() < size) in->resize(size);
  return std::span(*in).first(size);
}

// scratch->weights = exp(logit - largest) of each candidate, scratch->exponents what it was taken
// of; returns the sum.
uint64_t SoftmaxWeights(float temperature, SamplerScratch* scratch) {
  const auto& candidates = scratch->candidates;
  float largest = LargestLogit(candidates);
  const auto exponents = Room(&scratch->exponents, candidates.size());
  const auto weights = Room(&scratch->weights, candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) exponents[i] = candidates[i].logit - largest;
  if (temperature != 1.0f)
    for (float& exponent : exponents) exponent /= temperature;
  ExpWeights(exponents, weights);
  uint64_t sum = 0;
  for (uint64_t weight : weights) sum += weight;
  return sum;
}

// Keys of one bucket differ by less than 1 / kBucketsPerUnit; the last bucket takes all the rest.
constexpr size_t kBuckets = 4096;
constexpr float kBucketsPerUnit = 64;
constexpr float kLastBucket = kBuckets - 1;

uint32_t BucketOf(float score) {
  return static_cast<uint32_t>(
      static_cast<int32_t>(std::min(score * kBucketsPerUnit, kLastBucket)));
}

// Leaves of the candidates those of buckets up to `last`; notes those of `last` itself as the edge.
// scratch->order: the bucket of each.
void KeepBuckets(uint32_t last, SamplerScratch* scratch) {
  auto& candidates = scratch->candidates;
  const uint32_t* const bucket_of = scratch->order.data();
  const auto edge = Room(&scratch->edge, candidates.size() + 1);
  size_t kept = 0, on_edge = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    // Written always, counted only where it counts; cheaper than a branch.
    candidates[kept] = candidates[i];
    edge[on_edge] = {static_cast<uint32_t>(kept), static_cast<uint32_t>(i)};
    kept += bucket_of[i] <= last;
    on_edge += bucket_of[i] == last;
  }
  candidates.resize(kept);
  scratch->edge_size = on_edge;
}

// Keeps the shortest prefix, in order of (scores, likelihood), whose weights sum to at least
// `mass`. Weights are summed by bucket of score; only the bucket in which the prefix ends is
// sorted. scratch->scores: [candidates], >= 0.
void KeepPrefix(uint64_t mass, SamplerScratch* scratch) {
  const auto& scores = scratch->scores;
  auto& candidates = scratch->candidates;
  scratch->buckets.assign(kBuckets, 0);
  const auto bucket_of = Room(&scratch->order, candidates.size());
  for (size_t i = 0; i < candidates.size(); ++i) bucket_of[i] = BucketOf(scores[i]);
  for (size_t i = 0; i < candidates.size(); ++i)
    scratch->buckets[bucket_of[i]] += scratch->weights[i];
  uint64_t before_last = 0;
  uint32_t last = 0;
  while (last + 1 < kBuckets && before_last + scratch->buckets[last] < mass)
    before_last += scratch->buckets[last++];
  KeepBuckets(last, scratch);

  const auto edge = std::span(scratch->edge).first(scratch->edge_size);
  std::sort(edge.begin(), edge.end(), [&](const OnEdge& a, const OnEdge& b) {
    if (scores[a.before] != scores[b.before]) return scores[a.before] < scores[b.before];
    return Likelier(candidates[a.now], candidates[b.now]);
  });
  size_t kept_of_edge = 0;
  for (uint64_t sum = before_last; kept_of_edge < edge.size() && sum < mass; ++kept_of_edge)
    sum += scratch->weights[edge[kept_of_edge].before];
  const auto beyond = edge.subspan(kept_of_edge);
  if (beyond.empty()) return;
  std::sort(beyond.begin(), beyond.end(),
            [](const OnEdge& a, const OnEdge& b) { return a.now < b.now; });
  size_t kept = beyond[0].now, next = 0;
  for (size_t i = kept; i < candidates.size(); ++i) {
    const bool leaves = next < beyond.size() && beyond[next].now == i;
    next += leaves;
    candidates[kept] = candidates[i];
    kept += !leaves;
  }
  candidates.resize(kept);
}

// Of a weight, which has fewer than 63 bits: conversion is one instruction for signed integers
// only.
double AsDouble(uint64_t weight) { return static_cast<double>(static_cast<int64_t>(weight)); }

// Locally typical sampling (Meister et al. 2022): tokens whose surprise is nearest to the entropy,
// until their probability exceeds p.
void KeepTypical(double p, SamplerScratch* scratch) {
  uint64_t total = SoftmaxWeights(1.0f, scratch);
  double log_total = NaturalLog(static_cast<double>(total) * 0x1p-44);
  const auto exponents = Room(&scratch->exponents, scratch->candidates.size());
  double entropy = log_total;
  const auto whole = static_cast<double>(total);
  for (size_t i = 0; i < exponents.size(); ++i)
    entropy -= AsDouble(scratch->weights[i]) / whole * exponents[i];
  const auto scores = Room(&scratch->scores, exponents.size());
  for (size_t i = 0; i < exponents.size(); ++i)
    scores[i] = static_cast<float>(std::abs(log_total - exponents[i] - entropy));
  uint64_t mass =
      static_cast<uint64_t>(static_cast<double>(total) * p) + 1;  // Strictly more than p.
  KeepPrefix(mass, scratch);
}

// After SoftmaxWeights(1): keeps the smallest set of likeliest candidates with this mass.
void KeepLikeliest(uint64_t mass, SamplerScratch* scratch) {
  scratch->scores.swap(scratch->exponents);
  for (float& score : std::span(scratch->scores).first(scratch->candidates.size())) score = -score;
  KeepPrefix(mass, scratch);
}

uint64_t TopPMass(uint64_t total, double p) { return std::max<uint64_t>(1, Mass(total, p)); }

// The smallest set of likeliest tokens whose probability reaches p.
void KeepTopP(double p, SamplerScratch* scratch) {
  const uint64_t total = SoftmaxWeights(1.0f, scratch);
  KeepLikeliest(TopPMass(total, p), scratch);
}

// How far below the largest logit the set of a top-p usually ends.
constexpr float kUsualDepths[] = {5, 10, 20};

// The same of a whole row, [vocab]. It is read twice; work per candidate is done only for those
// within a depth that holds enough.
void SelectTopP(std::span<const float> logits, float largest, double p, SamplerScratch* scratch) {
  const uint64_t mass = TopPMass(SumWeights(logits, largest), p);
  uint64_t held = 0;
  for (const float depth : kUsualDepths) {
    SelectAtLeast(logits, largest - depth, &scratch->candidates);
    held = SoftmaxWeights(1.0f, scratch);
    if (held >= mass) break;
  }
  if (held < mass) {
    SelectAtLeast(logits, largest - kWeightRange, &scratch->candidates);
    SoftmaxWeights(1.0f, scratch);
  }
  KeepLikeliest(mass, scratch);
}

// Tokens with at least the share p of the likeliest one's probability.
void KeepMinP(double p, SamplerScratch* scratch) {
  float least = LargestLogit(scratch->candidates) + static_cast<float>(NaturalLog(p));
  std::erase_if(scratch->candidates, [least](const Candidate& c) { return c.logit < least; });
}

}  // namespace

Sampler::Sampler(const EffectiveSampling& settings, uint32_t context,
                 std::vector<int32_t> forbidden)
    : settings_(settings),
      forbidden_(std::move(forbidden)),
      window_(WindowSize(settings, context)) {}

void Sampler::Accept(int32_t token) { window_.Push(token); }

void Sampler::ApplyBias(std::span<float> logits) const {
  for (const auto& [token, bias] : settings_.logit_bias)
    logits[static_cast<size_t>(token)] += static_cast<float>(bias);
  for (int32_t token : forbidden_) logits[static_cast<size_t>(token)] = kForbidden;
}

// Repetition penalty of Keskar et al. 2019 with llama.cpp's rule for negative logits, then the
// OpenAI API's two.
void Sampler::ApplyPenalties(std::span<float> logits) const {
  if (!HasPenalties(settings_)) return;
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

Status Sampler::Narrow(std::span<const float> logits, SamplerScratch* scratch) const {
  const int64_t k = settings_.top_k.value;
  const double top_p = settings_.top_p.value;
  if (k > 0 && static_cast<uint64_t>(k) < logits.size()) {
    if (!SelectTopK(logits, static_cast<size_t>(k), &scratch->candidates)) return NotNumbers();
  } else {
    Largest largest = FindLargest(logits);
    if (largest.not_a_number) return NotNumbers();
    if (largest.id >= 0 && top_p < 1.0 && settings_.typical_p.value >= 1.0) {
      SelectTopP(logits, largest.logit, top_p, scratch);
      if (settings_.min_p.value > 0.0) KeepMinP(settings_.min_p.value, scratch);
      return {};
    }
    // What lies further below has weight zero under the temperature, and in every stage before it.
    float range = kWeightRange * static_cast<float>(std::max(1.0, settings_.temperature.value));
    SelectAtLeast(logits, largest.logit - range, &scratch->candidates);
  }
  if (scratch->candidates.empty()) return {};
  if (settings_.typical_p.value < 1.0) KeepTypical(settings_.typical_p.value, scratch);
  if (top_p < 1.0) KeepTopP(top_p, scratch);
  if (settings_.min_p.value > 0.0) KeepMinP(settings_.min_p.value, scratch);
  return {};
}

uint64_t Sampler::Weigh(SamplerScratch* scratch) const {
  if (const auto temperature = static_cast<float>(settings_.temperature.value); temperature > 0)
    return SoftmaxWeights(temperature, scratch);
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
  ApplyPenalties(logits);
  // Every filter but typical keeps the likeliest token.
  if (static_cast<float>(settings_.temperature.value) <= 0 && settings_.typical_p.value >= 1.0) {
    Largest largest = FindLargest(logits);
    if (largest.not_a_number) return std::unexpected(NotNumbers().error());
    return largest.id < 0 ? std::nullopt : std::optional(largest.id);
  }
  INGLE_RETURN_IF_ERROR(Narrow(logits, scratch));
  if (scratch->candidates.empty()) return std::nullopt;
  uint64_t total = Weigh(scratch);
  double draw = UniformDraw(settings_.seed.value, position, DrawPurpose::kToken);
  // draw < 1, but the product may round up to total.
  uint64_t target = std::min(static_cast<uint64_t>(static_cast<double>(total) * draw), total - 1);
  uint64_t sum = 0;
  for (size_t i = 0; i < scratch->candidates.size(); ++i) {
    sum += scratch->weights[i];
    if (sum > target) return scratch->candidates[i].id;
  }
  return Fail(ErrorCode::kInternal, "the sampler found no token; please report this");
}

Result<std::vector<std::pair<int32_t, double>>> Sampler::Distribution(
    std::span<float> logits, SamplerScratch* scratch) const {
  ApplyBias(logits);
  ApplyPenalties(logits);
  INGLE_RETURN_IF_ERROR(Narrow(logits, scratch));
  std::vector<std::pair<int32_t, double>> distribution;
  if (scratch->candidates.empty()) return distribution;
  uint64_t total = Weigh(scratch);
  for (size_t i = 0; i < scratch->candidates.size(); ++i)
    if (scratch->weights[i] > 0)
      distribution.emplace_back(
          scratch->candidates[i].id,
          static_cast<double>(scratch->weights[i]) / static_cast<double>(total));
  return distribution;
}

}  // namespace ingle
