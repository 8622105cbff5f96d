#pragma once
// The sampler chain of one generation: llama.cpp's stages in llama.cpp's order.

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"
#include "request/event.h"
#include "sampling/penalty_window.h"
#include "sampling/vocabulary_scan.h"

namespace ingle {

// A candidate whose place in the order decides whether it stays: its index now, and before others
// left.
struct OnEdge {
  uint32_t now = 0, before = 0;
};

// Buffers that samplers on one thread share. Only `candidates` has the size that counts.
struct SamplerScratch {
  std::vector<Candidate> candidates;
  std::vector<float> exponents;
  std::vector<uint64_t> weights;
  std::vector<uint32_t> order;
  std::vector<uint64_t> buckets;
  std::vector<float> scores;
  std::vector<OnEdge> edge;
  size_t edge_size = 0;
};

class Sampler {
 public:
  // context: the window of penalties when repeat_last_n is -1. forbidden: tokens that may not be
  // drawn.
  Sampler(const EffectiveSampling& settings, uint32_t context, std::vector<int32_t> forbidden = {});

  // Every token of the sequence passes here in order, prompt included: penalties look back at them.
  void Accept(int32_t token);

  // The token at absolute `position` of its sequence; nullopt when bias forbids every token.
  // Changes `logits`. kInternal when the model produced NaN.
  Result<std::optional<int32_t>> Sample(std::span<float> logits, uint64_t position,
                                        SamplerScratch* scratch) const;

  // The distribution that Sample draws from, in order of id; probabilities above zero only. Changes
  // `logits`.
  Result<std::vector<std::pair<int32_t, double>>> Distribution(std::span<float> logits,
                                                               SamplerScratch* scratch) const;

 private:
  void ApplyBias(std::span<float> logits) const;
  void ApplyPenalties(std::span<float> logits) const;
  // Runs every filter: what is left is in scratch->candidates, in order of id; empty when nothing
  // is allowed.
  Status Narrow(std::span<const float> logits, SamplerScratch* scratch) const;
  // Weights of the candidates under the temperature, into scratch->weights; returns their sum.
  uint64_t Weigh(SamplerScratch* scratch) const;

  EffectiveSampling settings_;
  std::vector<int32_t> forbidden_;
  PenaltyWindow window_;
};

}  // namespace ingle
