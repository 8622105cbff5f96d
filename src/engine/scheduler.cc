#include "engine/scheduler.h"

#include <algorithm>

namespace ingle {
namespace {

// Lets every running sequence hold pages for all its tokens, oldest first; takes pages from the
// youngest. Returns how many of the oldest keep running.
size_t GrowRunning(const PlanInput& input, uint64_t* free_pages, StepPlan* plan) {
  size_t kept = input.running.size();
  for (size_t i = 0; i < kept; ++i) {
    const SequenceView& sequence = input.running[i];
    uint32_t wanted = PagesFor(sequence.tokens, input.page_tokens);
    uint64_t missing = wanted > sequence.pages ? wanted - sequence.pages : 0;
    while (*free_pages < missing && kept > i) {
      --kept;
      *free_pages += input.running[kept].pages;
      plan->preempt.push_back(input.running[kept].arrival);
    }
    if (kept > i) *free_pages -= missing;
  }
  return kept;
}

// First come, first served: one that does not fit is not overtaken, or it might never start.
size_t CountAdmitted(const PlanInput& input, size_t running, uint64_t free_pages) {
  size_t admitted = 0;
  for (const SequenceView& sequence : input.waiting) {
    if (running + admitted >= input.max_sequences) break;
    // Room for its first answer token, and one page for the growth of each that runs: admitting a
    // sequence only to preempt it in the next step would be work for nothing.
    uint64_t headroom = running + admitted;
    uint64_t wanted =
        PagesFor(uint64_t{sequence.tokens} + (headroom > 0 ? 1 : 0), input.page_tokens);
    if (wanted + headroom > free_pages) break;
    free_pages -= PagesFor(sequence.tokens, input.page_tokens);
    ++admitted;
  }
  return admitted;
}

bool Decodes(const SequenceView& sequence) { return sequence.tokens - sequence.cached == 1; }

// The chunk is shared evenly, so that a short prompt need not wait behind a long one; what one
// cannot use, the later ones get.
void PlanRuns(const PlanInput& input, const std::vector<const SequenceView*>& sequences,
              StepPlan* plan) {
  uint32_t prompts = 0, budget = input.prompt_chunk;
  for (const SequenceView* sequence : sequences) prompts += Decodes(*sequence) ? 0 : 1;
  for (const SequenceView* sequence : sequences) {
    uint32_t pending = sequence->tokens - sequence->cached;
    uint32_t run = 1;
    if (!Decodes(*sequence)) {
      uint32_t share = (budget + prompts - 1) / prompts;
      run = std::min(pending, share);
      budget -= run;
      --prompts;
    }
    if (run > 0) plan->runs.push_back({sequence->arrival, run, run == pending});
  }
}

}  // namespace

StepPlan Plan(const PlanInput& input) {
  StepPlan plan;
  uint64_t free_pages = input.free_pages;
  size_t running = GrowRunning(input, &free_pages, &plan);
  size_t admitted = plan.preempt.empty() ? CountAdmitted(input, running, free_pages) : 0;
  std::vector<const SequenceView*> sequences;
  for (size_t i = 0; i < running; ++i) sequences.push_back(&input.running[i]);
  for (size_t i = 0; i < admitted; ++i) {
    plan.admit.push_back(input.waiting[i].arrival);
    sequences.push_back(&input.waiting[i]);
  }
  std::sort(sequences.begin(), sequences.end(),
            [](const SequenceView* a, const SequenceView* b) { return a->arrival < b->arrival; });
  PlanRuns(input, sequences, &plan);
  return plan;
}

}  // namespace ingle
