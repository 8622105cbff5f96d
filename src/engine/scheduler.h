#pragma once
// What the next step does: pure functions of the queues and the page budget. No clock, no locks, no
// model. First Plan says who gives up its place and who gets one; then, when it is known what those
// find in the cache already, PlanRuns says how many tokens each one runs.
//
// Decode never waits for prefill: every sequence that lacks one token runs in every step, and
// prompts share `prompt_chunk` tokens beside them: a quarter is the oldest prompt's, the rest goes
// to those that lack least. Memory is given in order of arrival: when a
// sequence cannot grow, the youngest running one gives its pages back and waits at its place in the
// queue. Its tokens are kept, so it is recomputed, and the arithmetic contract makes that
// recomputation exact.
//
// A paused sequence (its reader is behind) keeps its pages, but its place in the step goes to
// others; when they lack memory, it is the first to give its pages back. Sequences that go on find
// their places by order of arrival, so for a while more may run than there are places: then the
// youngest sit out, with their pages.

#include <cstdint>
#include <span>
#include <vector>

namespace ingle {

struct SequenceView {
  uint64_t arrival = 0;  // Unique, rising: the identity of a sequence and its place in every queue.
  uint32_t tokens = 0;   // Prompt and answer so far.
  uint32_t cached = 0;   // The first this many are in the cache. Always fewer than tokens.
  uint32_t pages = 0;    // Pages that it holds.
  bool paused = false;   // Neither runs nor is admitted until it goes on.
};

struct PlanInput {
  std::span<const SequenceView> running;  // In order of arrival.
  std::span<const SequenceView> waiting;  // In order of arrival.
  uint64_t free_pages = 0;
  uint32_t page_tokens = 1;
  uint32_t max_sequences = 1;  // Places in a step.
};

struct StepPlan {
  std::vector<uint64_t> preempt;  // Give their pages back and wait.
  std::vector<uint64_t> admit;    // From waiting to running; hold pages for all their tokens.
};

StepPlan Plan(const PlanInput& input);

struct PlannedRun {
  uint64_t arrival = 0;
  uint32_t tokens = 0;  // The next this many tokens go through the model.
  bool samples =
      false;  // They reach the end of what is known: the last one's logits give a new token.
  friend bool operator==(const PlannedRun&, const PlannedRun&) = default;
};

// `running` and the result in order of arrival. prompt_chunk: tokens of prompts per step, of all
// sequences together.
std::vector<PlannedRun> PlanRuns(std::span<const SequenceView> running, uint32_t max_sequences,
                                 uint32_t prompt_chunk);

// Pages for this many tokens.
inline uint32_t PagesFor(uint64_t tokens, uint32_t page_tokens) {
  return static_cast<uint32_t>((tokens + page_tokens - 1) / page_tokens);
}

}  // namespace ingle
