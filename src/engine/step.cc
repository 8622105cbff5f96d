#include "engine/step.h"

#include <algorithm>

namespace ingle {
namespace {

bool ArrivedBefore(const std::unique_ptr<Generation>& generation, uint64_t arrival) {
  return generation->arrival < arrival;
}

// Moves one generation between two lists that are in order of arrival.
Generation* Move(uint64_t arrival, std::vector<std::unique_ptr<Generation>>* from,
                 std::vector<std::unique_ptr<Generation>>* to) {
  auto found = std::lower_bound(from->begin(), from->end(), arrival, ArrivedBefore);
  auto place = std::lower_bound(to->begin(), to->end(), arrival, ArrivedBefore);
  Generation* generation = found->get();
  to->insert(place, std::move(*found));
  from->erase(found);
  return generation;
}

std::vector<SequenceView> Views(const std::vector<std::unique_ptr<Generation>>& generations) {
  std::vector<SequenceView> views;
  for (const auto& generation : generations)
    views.push_back({generation->arrival, static_cast<uint32_t>(generation->tokens.size()),
                     generation->sequence ? generation->sequence->length() : 0, generation->pages,
                     generation->paused});
  return views;
}

}  // namespace

Batch::Batch(Model* model, BatchLimits limits, BatchHooks hooks)
    : model_(model),
      limits_(limits),
      hooks_(std::move(hooks)),
      rooms_(model->team() != nullptr ? model->team()->size() : 1) {}

// The story of the engine. Everything that a generation goes through happens in these lines.
void Batch::Step() {
  StepPlan plan = PlanStep();              // Who has a place.
  PreemptSequences(plan);                  // Memory goes to those who came first.
  AdmitSequences(plan);                    // From the queue into the batch.
  std::vector<Run> runs = ReservePages();  // How many tokens each, and room for them.
  if (RunModel(runs))                      // Embed, layers, logits.
    SampleTokens(runs);                    // A token each; its text, stop strings and limits.
  RetireFinished();                        // Pages, places and ids become free.
  EmitEvents();                            // Progress, Delta, Finished or Error.
}

void Batch::Add(std::unique_ptr<Generation> generation) {
  generation->arrival = ++arrivals_;
  waiting_.push_back(std::move(generation));
  Count();
}

void Batch::Cancel(const std::string& id) {
  for (Generations* list : {&waiting_, &running_})
    for (auto& generation : *list)
      if (generation->id() == id)
        generation->Finish(FinishReason::kCancelled, StopCause::kCancelled);
  RetireFinished();
  EmitEvents();
}

void Batch::CancelAll() {
  for (Generations* list : {&waiting_, &running_})
    for (auto& generation : *list)
      generation->Finish(FinishReason::kCancelled, StopCause::kCancelled);
  RetireFinished();
  EmitEvents();
}

void Batch::SetPaused(const std::string& id, bool paused) {
  for (Generations* list : {&waiting_, &running_})
    for (auto& generation : *list)
      if (generation->id() == id) generation->paused = paused;
}

bool Batch::runnable() const {
  const auto goes_on = [](const auto& generation) { return !generation->paused; };
  return std::ranges::any_of(running_, goes_on) || std::ranges::any_of(waiting_, goes_on);
}

StepPlan Batch::PlanStep() const {
  auto running = Views(running_), waiting = Views(waiting_);
  uint32_t page_tokens = model_->info().cache_page_tokens;
  return Plan({running, waiting, model_->free_cache_tokens() / page_tokens, page_tokens,
               limits_.max_sequences});
}

void Batch::Preempt(uint64_t arrival) {
  Generation* generation = Move(arrival, &running_, &waiting_);
  generation->sequence.reset();  // Gives the pages back; the tokens stay.
  generation->pages = 0;
}

void Batch::PreemptSequences(const StepPlan& plan) {
  for (uint64_t arrival : plan.preempt) Preempt(arrival);
}

void Batch::AdmitSequences(const StepPlan& plan) {
  for (uint64_t arrival : plan.admit) {
    Generation* generation = Move(arrival, &waiting_, &running_);
    generation->sequence = model_->NewSequence();
    uint32_t cached = 0;
    if (generation->shares_cache())
      cached = model_->Reuse(*generation->sequence, generation->cache_scope(), generation->tokens);
    generation->MarkAdmitted(cached);
  }
  Count();
}

void Batch::Count() const {
  hooks_.counted(static_cast<uint32_t>(running_.size()), static_cast<uint32_t>(waiting_.size()));
}

// The plan counted pages, so this succeeds; a model that has fewer than it says costs the youngest
// its place, never the step.
std::vector<Batch::Run> Batch::ReservePages() {
  std::vector<Run> runs;
  for (const PlannedRun& planned :
       PlanRuns(Views(running_), limits_.max_sequences, limits_.prompt_chunk)) {
    auto found = std::lower_bound(running_.begin(), running_.end(), planned.arrival, ArrivedBefore);
    if (found == running_.end() || (*found)->arrival != planned.arrival) continue;
    Generation* generation = found->get();
    auto tokens = static_cast<uint32_t>(generation->tokens.size());
    Status reserved = model_->Reserve(*generation->sequence, tokens);
    while (!reserved && running_.back().get() != generation) {
      Preempt(running_.back()->arrival);
      reserved = model_->Reserve(*generation->sequence, tokens);
    }
    if (!reserved) {
      generation->Fail(std::move(reserved).error());
      continue;
    }
    generation->pages = PagesFor(tokens, model_->info().cache_page_tokens);
    runs.push_back({generation, planned});
  }
  return runs;
}

// False when there is nothing to sample from: no run, or the model failed (and with it, all runs).
bool Batch::RunModel(const std::vector<Run>& runs) {
  if (runs.empty()) return false;
  std::vector<Segment> segments;
  size_t rows = 0;
  for (const Run& run : runs) {
    Generation& generation = *run.generation;
    std::span<const TokenId> tokens(generation.tokens);
    uint32_t cached = generation.sequence->length();
    if (tokens.size() - cached > 1) generation.prompt_done = cached + run.plan.tokens;
    segments.push_back({generation.sequence.get(), tokens.subspan(cached, run.plan.tokens),
                        /*all_logits=*/false, /*no_logits=*/!run.plan.samples});
    rows += run.plan.samples ? 1 : 0;
  }
  size_t size = rows * model_->info().vocab;
  if (logits_.size() < size) logits_.resize(size);
  const auto begin = std::chrono::steady_clock::now();
  Status stepped = model_->Step(segments, std::span(logits_).first(size));
  model_ns_ += NanosecondsSince(begin);
  if (stepped) return true;
  for (const Run& run : runs) run.generation->Fail(stepped.error());
  return false;
}

// On the model's threads, which are awake at this moment: a generation's sampler, text and limits
// are its own, so it does not matter who takes which.
void Batch::SampleTokens(const std::vector<Run>& runs) {
  std::vector<Generation*> sampling;
  for (const Run& run : runs)
    if (run.plan.samples) sampling.push_back(run.generation);
  const size_t vocab = model_->info().vocab;
  const auto sample = [&](uint64_t row, uint32_t thread) {
    SampleOne(sampling[row], std::span(logits_).subspan(vocab * row, limits_.vocab),
              &rooms_[thread]);
  };
  if (sampling.size() < 2 || rooms_.size() < 2) {
    for (uint64_t row = 0; row < sampling.size(); ++row) sample(row, 0);
    return;
  }
  ThreadTeam& team = *model_->team();
  team.Run([&](uint32_t thread) {
    const KeepSubnormals as_alone;
    team.ForChunks(thread, sampling.size(), 1,
                   [&](uint64_t row, uint64_t) { sample(row, thread); });
  });
}

void Batch::SampleOne(Generation* generation, std::span<float> logits, SamplingRoom* room) {
  if (generation->wants_logprobs()) room->log_probabilities.Read(logits);
  // The draw belongs to the position in the sequence: a replay or a continuation draws the same.
  auto token = generation->sampler().Sample(logits, generation->tokens.size(), &room->scratch);
  if (!token) return generation->Fail(std::move(token).error());
  if (!*token) return generation->Finish(FinishReason::kStop, StopCause::kNothingAllowed);
  SampledToken sampled;
  sampled.token = **token;
  if (generation->wants_logprobs()) {
    sampled.logprob = room->log_probabilities.Of(sampled.token);
    for (auto [id, logprob] :
         room->log_probabilities.Top(generation->top_logprobs(), &room->scratch))
      sampled.top.push_back({id, logprob, {}});
  }
  generation->Take(std::move(sampled));
}

void Batch::RetireFinished() {
  for (Generations* list : {&running_, &waiting_}) {
    for (auto& generation : *list)
      if (generation->done()) ended_.push_back(std::move(generation));
    std::erase(*list, nullptr);
  }
  if (ended_.empty()) return;
  Count();
  for (auto& generation : ended_) {
    generation->sequence.reset();
    hooks_.retired(generation->id());
  }
}

void Batch::EmitEvents() {
  for (Generations* list : {&running_, &waiting_, &ended_})
    for (auto& generation : *list) generation->Emit();
  ended_.clear();
}

}  // namespace ingle
