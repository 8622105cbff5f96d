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

struct Largest {
  float logit = 0;
  int32_t id = -1;            // The lowest id that has it; -1: every logit is -infinity.
  bool not_a_number = false;  // Some logit is NaN or +infinity: the row is worthless.
};
Largest FindLargest(std::span<const float> logits);

// The k likeliest tokens in order of id, -infinity excluded; fewer when there are not that many.
// False when a logit is NaN or +infinity.
bool SelectTopK(std::span<const float> logits, size_t k, std::vector<Candidate>* out);

// All tokens whose logit is at least `threshold`, in order of id, -infinity excluded.
void SelectAtLeast(std::span<const float> logits, float threshold, std::vector<Candidate>* out);

}  // namespace ingle
