#include "sampling/vocabulary_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace ingle {
namespace {

// One block is compared at once; most blocks hold nothing of interest. Four registers of the
// baseline's width.
constexpr size_t kLanes = 4;
constexpr size_t kBlock = 4 * kLanes;
typedef float Floats __attribute__((vector_size(kLanes * sizeof(float))));
typedef int32_t Ints __attribute__((vector_size(kLanes * sizeof(int32_t))));

Floats LoadLanes(const float* x) {
  Floats v;
  std::memcpy(&v, x, sizeof v);
  return v;
}

bool Any(const Ints& mask) {
  int64_t words[2];
  std::memcpy(words, &mask, sizeof words);
  return (words[0] | words[1]) != 0;
}

// Calls visit(id, logit) for the logits of blocks where interesting(lanes) holds somewhere, and for
// the ragged end.
template <class Interesting, class Visit>
void VisitBlocks(std::span<const float> logits, Interesting interesting, Visit visit) {
  size_t i = 0;
  for (; i + kBlock <= logits.size(); i += kBlock) {
    const float* x = &logits[i];
    Ints mask = interesting(LoadLanes(x)) | interesting(LoadLanes(x + kLanes)) |
                interesting(LoadLanes(x + 2 * kLanes)) | interesting(LoadLanes(x + 3 * kLanes));
    if (!Any(mask)) continue;
    for (size_t j = i; j < i + kBlock; ++j) visit(static_cast<int32_t>(j), logits[j]);
  }
  for (; i < logits.size(); ++i) visit(static_cast<int32_t>(i), logits[i]);
}

}  // namespace

// The row is read once: few blocks hold a logit that is larger than all before it.
Largest FindLargest(std::span<const float> logits) {
  Largest best{-std::numeric_limits<float>::infinity(), -1, false};
  VisitBlocks(
      logits, [&](const Floats& v) -> Ints { return ~(v <= best.logit); },
      [&](int32_t id, float logit) {
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
  VisitBlocks(
      logits, [&](const Floats& v) -> Ints { return ~(v <= bar); },
      [&](int32_t id, float logit) {
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
  VisitBlocks(
      logits, [&](const Floats& v) -> Ints { return v >= threshold; },
      [&](int32_t id, float logit) {
        if (count == out->size()) out->resize(std::min(logits.size(), 2 * count + kBlock));
        (*out)[count] = {logit, id};  // Stays only if it counts; cheaper than a branch.
        count += logit >= threshold;
      });
  out->resize(count);
}

}  // namespace ingle
