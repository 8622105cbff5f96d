#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

namespace ingle {
namespace {

using Sequences = std::vector<const SequenceView*>;

constexpr uint32_t kOldestPart = 4;  // Of the chunk, one in this many is the oldest prompt's.

// The running sequences by what this step does with them.
struct Places {
  Sequences active;  // In order of arrival; at most max_sequences.
  Sequences excess;  // Not paused, but without a place. In order of arrival.
  Sequences paused;  // In order of arrival.
  uint64_t free_pages;
};

Places FindPlaces(std::span<const SequenceView> running, uint32_t max_sequences,
                  uint64_t free_pages) {
  Places places{{}, {}, {}, free_pages};
  for (const SequenceView& sequence : running) {
    if (sequence.paused)
      places.paused.push_back(&sequence);
    else if (places.active.size() < max_sequences)
      places.active.push_back(&sequence);
    else
      places.excess.push_back(&sequence);
  }
  return places;
}

void TakePagesOfLast(Sequences* from, Places* places, StepPlan* plan) {
  places->free_pages += from->back()->pages;
  plan->preempt.push_back(from->back()->arrival);
  from->pop_back();
}

// Lets every active sequence hold pages for all its tokens, oldest first; takes pages from those
// that would not run anyway, then from the youngest active one.
void GrowActive(const PlanInput& input, Places* places, StepPlan* plan) {
  Sequences& active = places->active;
  for (size_t i = 0; i < active.size(); ++i) {
    const SequenceView& sequence = *active[i];
    const uint32_t wanted = PagesFor(sequence.tokens, input.page_tokens);
    const uint64_t missing = wanted > sequence.pages ? wanted - sequence.pages : 0;
    while (places->free_pages < missing && active.size() > i) {
      Sequences* victims = !places->paused.empty()   ? &places->paused
                           : !places->excess.empty() ? &places->excess
                                                     : &active;
      TakePagesOfLast(victims, places, plan);
    }
    if (active.size() > i) places->free_pages -= missing;
  }
}

// Room for one that waits, with the pages of paused sequences where that is enough.
bool MakeRoom(uint64_t pages, Places* places, StepPlan* plan) {
  uint64_t within_reach = places->free_pages;
  for (const SequenceView* sequence : places->paused) within_reach += sequence->pages;
  if (within_reach < pages) return false;
  while (places->free_pages < pages) TakePagesOfLast(&places->paused, places, plan);
  return true;
}

// First come, first served: one that does not fit is not overtaken, or it might never start.
void Admit(const PlanInput& input, Places* places, StepPlan* plan) {
  if (!places->excess.empty()) return;
  for (const SequenceView& sequence : input.waiting) {
    if (sequence.paused) continue;
    if (places->active.size() >= input.max_sequences) break;
    // Room for its first answer token, and one page for the growth of each that runs: admitting a
    // sequence only to preempt it in the next step would be work for nothing.
    const uint64_t headroom = places->active.size();
    const uint64_t wanted =
        PagesFor(uint64_t{sequence.tokens} + (headroom > 0 ? 1 : 0), input.page_tokens);
    if (!MakeRoom(wanted + headroom, places, plan)) break;
    places->free_pages -= PagesFor(sequence.tokens, input.page_tokens);
    places->active.push_back(&sequence);
    plan->admit.push_back(sequence.arrival);
  }
}

// Tokens that are known but not in the cache: one in decode, more of a prompt.
uint32_t Pending(const SequenceView& sequence) { return sequence.tokens - sequence.cached; }

// Tokens of each sequence in this step. Of the prompts, those nearest to their end go first, so
// that answers begin one after another instead of all at the end, and a short prompt does not wait
// behind a long one; equally near, the older one. The oldest prompt has a part of the chunk for
// certain, so that shorter ones that keep coming cannot hold it up for ever.
std::vector<uint32_t> ShareChunk(const Sequences& sequences, uint32_t chunk) {
  std::vector<uint32_t> shares(sequences.size(), 1);
  std::vector<size_t> prompts;
  for (size_t i = 0; i < sequences.size(); ++i)
    if (Pending(*sequences[i]) > 1) prompts.push_back(i);
  for (size_t i : prompts) shares[i] = 0;
  const auto give = [&](size_t i, uint32_t most) {
    const uint32_t more = std::min(most, Pending(*sequences[i]) - shares[i]);
    shares[i] += more;
    chunk -= more;
  };
  if (!prompts.empty()) give(prompts[0], (chunk + kOldestPart - 1) / kOldestPart);
  std::ranges::sort(prompts, {}, [&](size_t i) { return std::pair(Pending(*sequences[i]), i); });
  for (size_t i : prompts) give(i, chunk);
  return shares;
}

}  // namespace

StepPlan Plan(const PlanInput& input) {
  StepPlan plan;
  Places places = FindPlaces(input.running, input.max_sequences, input.free_pages);
  GrowActive(input, &places, &plan);
  if (plan.preempt.empty()) Admit(input, &places, &plan);
  return plan;
}

std::vector<PlannedRun> PlanRuns(std::span<const SequenceView> running, uint32_t max_sequences,
                                 uint32_t prompt_chunk) {
  const Sequences active = FindPlaces(running, max_sequences, 0).active;
  const std::vector<uint32_t> shares = ShareChunk(active, prompt_chunk);
  std::vector<PlannedRun> runs;
  for (size_t i = 0; i < active.size(); ++i)
    if (shares[i] > 0)
      runs.push_back({active[i]->arrival, shares[i], shares[i] == Pending(*active[i])});
  return runs;
}

}  // namespace ingle
