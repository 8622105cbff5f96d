#include "sampling/vocabulary_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/dispatch.h"

namespace ingle {
namespace {

// Calls visit(id, logit) for the logits of runs that hold one above the bar or NaN, and for the
// ragged end. `bar` may rise meanwhile.
template <class Visit>
void VisitAbove(std::span<const float> logits, const float& bar, Visit visit) {
  const auto find = SelectedKernels().elementwise.find_above;
  const size_t n = logits.size();
  for (size_t i = 0; (i = find(logits.data(), i, n, bar)) < n;) {
    const size_t end = std::min(n, i + kFindRun);
    for (; i < end; ++i) visit(static_cast<int32_t>(i), logits[i]);
  }
}

}  // namespace

// The row is read once: few runs hold a logit that is larger than all before it.
Largest FindLargest(std::span<const float> logits) {
  Largest best{-std::numeric_limits<float>::infinity(), -1, false};
  VisitAbove(logits, best.logit, [&](int32_t id, float logit) {
    if (logit <= best.logit) return;
    best.not_a_number |= !(logit < std::numeric_limits<float>::infinity());
    if (!(logit > best.logit)) return;  // NaN.
    best.logit = logit;
    best.id = id;
  });
  return best;
}

bool SelectTopK(std::span<const float> logits, size_t k, std::vector<Candidate>* out) {
  out->clear();
  if (k == 0) return true;
  // Keeps at most `room` candidates; when full, the worse half leaves and the bar rises to the k-th
  // best so far. A later token that only equals the bar loses to the lower id, so > is enough. NaN
  // is not <= anything.
  const size_t room = 2 * k + 64;
  float bar = -std::numeric_limits<float>::infinity();
  bool sound = true;
  auto shrink = [&] {
    auto kth = out->begin() + static_cast<ptrdiff_t>(k - 1);
    std::nth_element(out->begin(), kth, out->end(), Likelier);
    out->resize(k);
    bar = out->back().logit;
  };
  VisitAbove(logits, bar, [&](int32_t id, float logit) {
    if (logit <= bar) return;
    sound &= logit < std::numeric_limits<float>::infinity();
    out->push_back({logit, id});
    if (out->size() >= room) shrink();
  });
  if (!sound) return false;
  if (out->size() > k) shrink();
  std::sort(out->begin(), out->end(),
            [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
  return true;
}

void SelectAtLeast(std::span<const float> logits, float threshold, std::vector<Candidate>* out) {
  threshold = std::max(threshold, std::numeric_limits<float>::lowest());
  out->clear();
  size_t count = 0;  // Of `out`, which grows ahead of it.
  // find_above wants a bar that the threshold is above: by more than a rounding step, and by no
  // subnormal number, which would count as zero.
  const float below = threshold - std::max(1e-30f, std::abs(threshold) * 1e-6f);
  VisitAbove(logits, below, [&](int32_t id, float logit) {
    if (count == out->size()) out->resize(std::min(logits.size(), 2 * count + kFindRun));
    (*out)[count] = {logit, id};  // Stays only if it counts; cheaper than a branch.
    count += logit >= threshold;
  });
  out->resize(count);
}

}  // namespace ingle
