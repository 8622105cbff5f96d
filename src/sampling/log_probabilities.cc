#include "sampling/log_probabilities.h"

#include <algorithm>

#include "sampling/weights.h"

namespace ingle {

void LogProbabilities::Read(std::span<const float> logits) {
  logits_.assign(logits.begin(), logits.end());
  float largest = FindLargest(logits).logit;
  log_total_ = largest + NaturalLog(static_cast<double>(SumWeights(logits, largest)) * 0x1p-44);
}

double LogProbabilities::Of(int32_t token) const {
  return logits_[static_cast<size_t>(token)] - log_total_;
}

std::vector<std::pair<int32_t, double>> LogProbabilities::Top(uint32_t n,
                                                              SamplerScratch* scratch) const {
  SelectTopK(logits_, n, &scratch->candidates);
  std::sort(scratch->candidates.begin(), scratch->candidates.end(), Likelier);
  std::vector<std::pair<int32_t, double>> top;
  for (const Candidate& c : scratch->candidates) top.emplace_back(c.id, Of(c.id));
  return top;
}

}  // namespace ingle
