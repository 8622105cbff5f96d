#pragma once
// What `logprobs` and `top_logprobs` report: the log-softmax of the model's own logits, before the
// sampler chain.

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "sampling/sampler.h"

namespace ingle {

class LogProbabilities {
 public:
  // Keeps a copy of the row: the sampler changes it.
  void Read(std::span<const float> logits);

  double Of(int32_t token) const;
  // The n likeliest tokens, likeliest first.
  std::vector<std::pair<int32_t, double>> Top(uint32_t n, SamplerScratch* scratch) const;

 private:
  std::vector<float> logits_;
  double log_total_ = 0;  // log of the sum of exp(logit).
};

}  // namespace ingle
