#pragma once
// Passes over one row of logits, [vocab].

#include <cstdint>
#include <span>
#include <vector>

namespace ingle {

struct Candidate {
  float logit = 0;
  int32_t id = 0;
};

// Likelier first; equal logits by lower id. The one order of the whole folder.
inline bool Likelier(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// The largest of each kBoundTokens logits, or more than it; NaN where one of them is NaN. Found
// while a row is in the caches, it spares later passes the row itself: they read a sixteenth, and
// the pieces that matter.
inline constexpr size_t kBoundTokens = 16;
inline constexpr size_t BoundsOf(size_t vocab) { return (vocab + kBoundTokens - 1) / kBoundTokens; }
void FindBounds(std::span<const float> logits, std::span<float> bounds);

// In all that follow, `bounds` are those of the row, or empty: then the row is read.
struct Largest {
  float logit = 0;
  int32_t id = -1;            // The lowest id that has it; -1: every logit is -infinity.
  bool not_a_number = false;  // Some logit is NaN or +infinity: the row is worthless.
};
Largest FindLargest(std::span<const float> logits, std::span<const float> bounds = {});

// The k likeliest tokens in order of id, -infinity excluded; fewer when there are not that many.
// False when a logit is NaN or +infinity.
bool SelectTopK(std::span<const float> logits, size_t k, std::vector<Candidate>* out,
                std::span<const float> bounds = {});

// All tokens whose logit is at least `threshold`, in order of id, -infinity excluded.
void SelectAtLeast(std::span<const float> logits, float threshold, std::vector<Candidate>* out,
                   std::span<const float> bounds = {});

}  // namespace ingle
