#include "sampling/vocabulary_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ingle {
namespace {

// One block is compared at once; most blocks hold nothing of interest.
constexpr size_t kLanes = 32;
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));

Floats LoadLanes(const float* x) {
  Floats v;
  std::memcpy(&v, x, sizeof v);
  return v;
}

bool Any(const Ints& mask) {
  int64_t words[kLanes / 2], any = 0;
  std::memcpy(words, &mask, sizeof words);
  for (int64_t word : words) any |= word;
  return any != 0;
}

// Calls visit(id, logit) for the logits that pass `interesting` (a vector test) or lie in the ragged end.
template <class Interesting, class Visit>
void VisitBlocks(std::span<const float> logits, Interesting interesting, Visit visit) {
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    if (!interesting(LoadLanes(&logits[i]))) continue;
    for (size_t j = i; j < i + kLanes; ++j) visit(static_cast<int32_t>(j), logits[j]);
  }
  for (; i < logits.size(); ++i) visit(static_cast<int32_t>(i), logits[i]);
}

}  // namespace

Largest FindLargest(std::span<const float> logits) {
  Largest best{-std::numeric_limits<float>::infinity(), -1, false};
  size_t i = 0;
  if (logits.size() >= kLanes) {
    Floats top = LoadLanes(logits.data());
    Ints broken = top != top;
    for (i = kLanes; i + kLanes <= logits.size(); i += kLanes) {
      Floats v = LoadLanes(&logits[i]);
      broken |= v != v;
      top = v > top ? v : top;
    }
    best.not_a_number = Any(broken);
    for (size_t lane = 0; lane < kLanes; ++lane) best.logit = std::max(best.logit, top[lane]);
  }
  for (; i < logits.size(); ++i) {
    best.not_a_number |= std::isnan(logits[i]);
    best.logit = std::max(best.logit, logits[i]);
  }
  best.not_a_number |= best.logit == std::numeric_limits<float>::infinity();
  if (best.not_a_number || best.logit == -std::numeric_limits<float>::infinity()) return best;
  best.id = static_cast<int32_t>(std::find(logits.begin(), logits.end(), best.logit) - logits.begin());
  return best;
}

void SelectTopK(std::span<const float> logits, size_t k, std::vector<Candidate>* out) {
  out->clear();
  if (k == 0) return;
  // Keeps at most `room` candidates; when full, the worse half leaves and the bar rises to the k-th best so far.
  // A later token that only equals the bar loses to the lower id, so > is enough.
  const size_t room = 2 * k + 64;
  float bar = -std::numeric_limits<float>::infinity();
  auto shrink = [&] {
    auto kth = out->begin() + static_cast<ptrdiff_t>(k - 1);
    std::nth_element(out->begin(), kth, out->end(), Likelier);
    out->resize(k);
    bar = out->back().logit;
  };
  VisitBlocks(
      logits, [&](const Floats& v) { return Any(v > bar); },
      [&](int32_t id, float logit) {
        if (!(logit > bar)) return;
        out->push_back({logit, id});
        if (out->size() >= room) shrink();
      });
  if (out->size() > k) shrink();
  std::sort(out->begin(), out->end(), [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
}

void SelectAtLeast(std::span<const float> logits, float threshold, std::vector<Candidate>* out) {
  out->clear();
  VisitBlocks(
      logits, [&](const Floats& v) { return Any(v >= threshold); },
      [&](int32_t id, float logit) {
        if (logit >= threshold && logit > -std::numeric_limits<float>::infinity()) out->push_back({logit, id});
      });
}

}  // namespace ingle
