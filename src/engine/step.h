#pragma once
// All generations of one engine and the step that advances them. Used by one thread.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/generation.h"
#include "engine/scheduler.h"
#include "sampling/log_probabilities.h"

namespace ingle {

struct BatchLimits {
  uint32_t max_sequences = 1;
  uint32_t prompt_chunk = 1;
  uint32_t vocab = 0;  // Tokens that have a text; a model may compute logits for more (padding).
};

// What the owner of a Batch wants to know.
struct BatchHooks {
  std::function<void(const std::string& id)> retired;  // Just before its last event.
  // Whenever one of the counts may have changed; also between admission and the model.
  std::function<void(uint32_t running, uint32_t waiting)> counted;
};

// What one thread needs to sample.
struct SamplingRoom {
  SamplerScratch scratch;
  LogProbabilities log_probabilities;
};

inline uint64_t NanosecondsSince(std::chrono::steady_clock::time_point begin) {
  const auto time = std::chrono::steady_clock::now() - begin;
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
}

class Batch {
 public:
  Batch(Model* model, BatchLimits limits, BatchHooks hooks);

  void Add(std::unique_ptr<Generation> generation);
  void Cancel(const std::string& id);
  void CancelAll();
  // Unknown ids are ignored.
  void SetPaused(const std::string& id, bool paused);
  // Whether a step would do anything: false when there is nothing, or all is paused.
  bool runnable() const;

  // One step, from the queues to the events.
  void Step();
  // Time of all steps within the model. From any thread.
  uint64_t model_ns() const { return model_ns_; }

 private:
  using Generations = std::vector<std::unique_ptr<Generation>>;  // In order of arrival.
  struct Run {
    Generation* generation;
    PlannedRun plan;
  };

  StepPlan PlanStep() const;
  void PreemptSequences(const StepPlan& plan);
  void AdmitSequences(const StepPlan& plan);
  std::vector<Run> ReservePages();
  bool RunModel(const std::vector<Run>& runs);
  void SampleTokens(const std::vector<Run>& runs);
  void RetireFinished();
  void EmitEvents();

  void Count() const;
  void Preempt(uint64_t arrival);
  static void SampleOne(Generation* generation, std::span<float> logits, SamplingRoom* room);

  Model* model_;
  BatchLimits limits_;
  BatchHooks hooks_;
  uint64_t arrivals_ = 0;
  std::atomic<uint64_t> model_ns_ = 0;
  Generations waiting_, running_;
  Generations ended_;                // Their last events are still to be sent.
  std::vector<float> logits_;        // [sampling sequences, vocab]
  std::vector<SamplingRoom> rooms_;  // One per thread that samples.
};

}  // namespace ingle
