#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/counter_random.h"

namespace ingle {
namespace {

TEST(Scheduler, DecodeRunsBesideAChunkOfAPrompt) {
  std::vector<SequenceView> running{{1, 11, 10, 2}, {2, 300, 64, 40}};
  EXPECT_TRUE(Plan({running, {}, 100, 8, 4}).preempt.empty());
  EXPECT_EQ(PlanRuns(running, 4, 32), (std::vector<PlannedRun>{{1, 1, true}, {2, 32, false}}));
}

TEST(Scheduler, PromptsNearestToTheirEndGoFirstBesideTheOldest) {
  std::vector<SequenceView> running{{1, 1000, 0, 125}, {2, 50, 0, 7}, {3, 10, 0, 2}, {4, 50, 0, 7}};
  EXPECT_EQ(PlanRuns(running, 4, 60),
            (std::vector<PlannedRun>{{1, 15, false}, {2, 35, false}, {3, 10, true}}));
  // What counts is what is left of a prompt, not its length.
  running[3].cached = 20;
  EXPECT_EQ(PlanRuns(running, 4, 60),
            (std::vector<PlannedRun>{{1, 15, false}, {2, 5, false}, {3, 10, true}, {4, 30, true}}));
  // What the short ones leave, the oldest gets too.
  EXPECT_EQ(PlanRuns(running, 4, 120),
            (std::vector<PlannedRun>{{1, 30, false}, {2, 50, true}, {3, 10, true}, {4, 30, true}}));
  running.resize(1);
  EXPECT_EQ(PlanRuns(running, 4, 60), (std::vector<PlannedRun>{{1, 60, false}}));
}

// How many steps each of these prompts takes to its first token, when all come at once.
std::vector<uint32_t> StepsToFirstToken(std::vector<SequenceView> running, uint32_t chunk) {
  std::vector<uint32_t> steps(running.size());
  for (uint32_t step = 1; std::ranges::find(steps, 0u) != steps.end(); ++step) {
    for (const PlannedRun& run : PlanRuns(running, 16, chunk)) {
      SequenceView& view = running[run.arrival - 1];
      view.cached += run.tokens;
      if (!run.samples) continue;
      ++view.tokens;
      if (steps[run.arrival - 1] == 0) steps[run.arrival - 1] = step;
    }
    if (step > 1000) break;
  }
  return steps;
}

TEST(Scheduler, OfEqualPromptsTheFirstAnswersBeginEarlyAndTheLastNoLater) {
  std::vector<SequenceView> running;
  for (uint64_t i = 1; i <= 16; ++i) running.push_back({i, 110, 0, 14});
  // 1760 tokens in chunks of 256: seven steps, however they are shared.
  EXPECT_EQ(StepsToFirstToken(running, 256),
            (std::vector<uint32_t>{1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 7, 7}));
}

TEST(Scheduler, ShortPromptsThatKeepComingDoNotHoldUpALongOne) {
  std::vector<SequenceView> running{{1, 1000, 0, 125}, {2, 40, 0, 5}, {3, 40, 0, 5}};
  uint32_t steps = 0;
  for (; running[0].cached < 1000; ++steps) {
    ASSERT_LT(steps, 100u);
    for (const PlannedRun& run : PlanRuns(running, 4, 60))
      if (run.arrival == 1) running[0].cached += run.tokens;  // The short ones are always new.
  }
  EXPECT_EQ(steps, 65u);  // 15 tokens, a quarter, in each, until it lacks as little as they.
}

TEST(Scheduler, AdmitsInOrderAndNeverOvertakes) {
  std::vector<SequenceView> waiting{{5, 10, 0, 0}, {6, 1000, 0, 0}, {7, 4, 0, 0}};
  StepPlan plan = Plan({{}, waiting, 10, 8, 4});
  EXPECT_EQ(plan.admit, (std::vector<uint64_t>{5}));
  plan = Plan({{}, waiting, 1000, 8, 2});
  EXPECT_EQ(plan.admit, (std::vector<uint64_t>{5, 6}));
}

TEST(Scheduler, ALoneSequenceMayUseEveryPage) {
  std::vector<SequenceView> waiting{{1, 80, 0, 0}};
  EXPECT_EQ(Plan({{}, waiting, 10, 8, 4}).admit.size(), 1u);
  EXPECT_TRUE(Plan({{}, waiting, 9, 8, 4}).admit.empty());
}

TEST(Scheduler, TheYoungestGivesItsPagesToTheOldest) {
  std::vector<SequenceView> running{{1, 17, 16, 2}, {2, 9, 8, 1}, {3, 9, 8, 1}};
  StepPlan plan = Plan({running, {}, 0, 8, 4});
  // 1 needs a page: 3 gives one. 2 needs a page and nobody younger runs: it waits itself.
  EXPECT_EQ(plan.preempt, (std::vector<uint64_t>{3, 2}));
}

TEST(Scheduler, NothingIsAdmittedInAStepThatPreempts) {
  std::vector<SequenceView> running{{1, 9, 8, 1}, {2, 4, 3, 1}};
  std::vector<SequenceView> waiting{{3, 2, 0, 0}};
  StepPlan plan = Plan({running, waiting, 0, 8, 4});
  EXPECT_EQ(plan.preempt, (std::vector<uint64_t>{2}));
  EXPECT_TRUE(plan.admit.empty());
}

TEST(Scheduler, APausedSequenceGivesItsPlaceAndKeepsItsPages) {
  std::vector<SequenceView> running{{1, 9, 8, 2, true}, {2, 9, 8, 2}};
  std::vector<SequenceView> waiting{{3, 4, 0, 0, true}, {4, 4, 0, 0}, {5, 4, 0, 0}};
  StepPlan plan = Plan({running, waiting, 100, 8, 2});
  EXPECT_TRUE(plan.preempt.empty());
  EXPECT_EQ(plan.admit, (std::vector<uint64_t>{4}));
  running.push_back(waiting[1]);
  EXPECT_EQ(PlanRuns(running, 2, 64), (std::vector<PlannedRun>{{2, 1, true}, {4, 4, true}}));
  for (SequenceView& sequence : running) sequence.paused = true;
  EXPECT_TRUE(PlanRuns(running, 2, 64).empty());
}

TEST(Scheduler, WhoGoesOnTakesItsPlaceBackAndTheYoungestSitsOut) {
  std::vector<SequenceView> running{{1, 9, 8, 2}, {2, 9, 8, 2}, {4, 9, 8, 2}};
  std::vector<SequenceView> waiting{{5, 4, 0, 0}};
  StepPlan plan = Plan({running, waiting, 100, 8, 2});
  EXPECT_TRUE(plan.preempt.empty());
  EXPECT_TRUE(plan.admit.empty());
  EXPECT_EQ(PlanRuns(running, 2, 64), (std::vector<PlannedRun>{{1, 1, true}, {2, 1, true}}));
}

TEST(Scheduler, PagesComeFromThePausedThenFromThoseWithoutAPlace) {
  std::vector<SequenceView> running{
      {1, 17, 16, 2}, {2, 9, 8, 1, true}, {3, 9, 8, 1}, {4, 9, 8, 1, true}};
  StepPlan plan = Plan({running, {}, 0, 8, 1});
  EXPECT_EQ(plan.preempt, (std::vector<uint64_t>{4}));
  running.pop_back();
  EXPECT_EQ(Plan({running, {}, 0, 8, 1}).preempt, (std::vector<uint64_t>{2}));
  running.erase(running.begin() + 1);
  plan = Plan({running, {}, 0, 8, 1});
  EXPECT_EQ(plan.preempt, (std::vector<uint64_t>{3}));
  EXPECT_EQ(PlanRuns(running, 1, 64), (std::vector<PlannedRun>{{1, 1, true}}));
}

TEST(Scheduler, OneThatWaitsGetsThePagesOfThePausedOnlyWhereTheySuffice) {
  std::vector<SequenceView> running{{1, 17, 16, 3, true}, {2, 9, 8, 2, true}};
  std::vector<SequenceView> waiting{{3, 24, 0, 0}};
  StepPlan plan = Plan({running, waiting, 1, 8, 2});
  EXPECT_EQ(plan.preempt, (std::vector<uint64_t>{2}));
  EXPECT_EQ(plan.admit, (std::vector<uint64_t>{3}));
  waiting[0].tokens = 49;
  plan = Plan({running, waiting, 1, 8, 2});
  EXPECT_TRUE(plan.preempt.empty());
  EXPECT_TRUE(plan.admit.empty());
}

// A cache, queues and requests with known answer lengths, driven by Plan alone.
class Simulation {
 public:
  Simulation(uint64_t seed, uint32_t page_tokens, uint32_t total_pages, uint32_t max_sequences,
             uint32_t chunk, bool with_pauses = false)
      : with_pauses_(with_pauses),
        seed_(seed),
        page_tokens_(page_tokens),
        total_pages_(total_pages),
        max_sequences_(max_sequences),
        chunk_(chunk) {}

  // Returns the number of steps; fails the test when an invariant breaks.
  uint64_t Run(uint64_t requests) {
    uint64_t steps = 0;
    while (finished_.size() < requests) {
      Arrive(requests);
      CancelSome();
      if (with_pauses_) PauseSome();
      Step();
      if (testing::Test::HasFatalFailure()) return steps;
      if (++steps > requests * 1000) {
        ADD_FAILURE() << "no end: " << finished_.size() << " of " << requests;
        return steps;
      }
    }
    EXPECT_EQ(free_pages_used_, 0u);
    return steps;
  }
  const std::vector<uint64_t>& finished() const { return finished_; }
  uint64_t sat_out() const { return sat_out_; }
  uint64_t preemptions() const { return preemptions_; }
  uint64_t widest() const { return widest_; }

 private:
  struct Request {
    SequenceView view;
    uint32_t end = 0;  // Tokens at which it is done.
    uint32_t prompt = 0;
  };

  uint32_t Random(uint32_t below) {
    return static_cast<uint32_t>(UniformDraw(seed_, draws_++, DrawPurpose::kTest) * below);
  }

  void Arrive(uint64_t requests) {
    uint32_t capacity = page_tokens_ * total_pages_;
    while (next_ < requests && Random(4) == 0) {
      uint32_t prompt = 1 + Random(Random(3) == 0 ? capacity / 2 : 40);
      uint32_t end = std::min(capacity, prompt + 1 + Random(60));
      waiting_[next_] = {{next_, prompt, 0, 0}, end, prompt};
      ++next_;
    }
  }

  void CancelSome() {
    if (Random(50) != 0 || running_.empty()) return;
    auto victim = std::next(running_.begin(), Random(static_cast<uint32_t>(running_.size())));
    free_pages_used_ -= victim->second.view.pages;
    finished_.push_back(victim->first);
    running_.erase(victim);
  }

  void PauseSome() {
    for (auto* requests : {&waiting_, &running_})
      for (auto& [arrival, request] : *requests)
        if (Random(request.view.paused ? 8 : 40) == 0) request.view.paused ^= true;
  }

  static std::vector<SequenceView> Views(const std::map<uint64_t, Request>& requests) {
    std::vector<SequenceView> views;
    for (const auto& [arrival, request] : requests) views.push_back(request.view);
    return views;
  }

  void Preempt(uint64_t arrival) {
    auto found = running_.find(arrival);
    ASSERT_NE(found, running_.end());
    // Paused ones first, and of each kind the youngest.
    for (auto& [other, request] : running_)
      ASSERT_FALSE(request.view.paused && !found->second.view.paused) << "before a paused one";
    for (auto later = std::next(found); later != running_.end(); ++later)
      ASSERT_NE(later->second.view.paused, found->second.view.paused) << "before a younger one";
    free_pages_used_ -= found->second.view.pages;
    found->second.view.pages = 0;
    found->second.view.cached = 0;
    waiting_.insert(running_.extract(found));
    ++preemptions_;
  }

  void Admit(uint64_t arrival) {
    const auto first =
        std::ranges::find_if(waiting_, [](const auto& one) { return !one.second.view.paused; });
    ASSERT_NE(first, waiting_.end());
    ASSERT_EQ(first->first, arrival) << "overtaken";
    running_.insert(waiting_.extract(arrival));
    SequenceView& view = running_.at(arrival).view;
    view.cached = Random(4) == 0 ? Random(view.tokens) : 0;  // What another one left in the cache.
  }

  // Every sequence with a place holds pages for all its tokens; the others what they had.
  void Grow() {
    uint32_t places = max_sequences_;
    for (auto& [arrival, request] : running_) {
      if (request.view.paused) continue;
      if (places == 0) {
        ++sat_out_;
        continue;
      }
      --places;
      uint32_t pages = PagesFor(request.view.tokens, page_tokens_);
      ASSERT_GE(pages, request.view.pages);
      free_pages_used_ += pages - request.view.pages;
      request.view.pages = pages;
      active_.push_back(arrival);
    }
    ASSERT_LE(free_pages_used_, total_pages_) << "more pages than there are";
  }

  void RunOne(const PlannedRun& run) {
    auto found = running_.find(run.arrival);
    ASSERT_NE(found, running_.end());
    SequenceView& view = found->second.view;
    ASSERT_GE(run.tokens, 1u);
    ASSERT_LE(view.cached + run.tokens, view.tokens);
    ASSERT_EQ(run.samples, view.cached + run.tokens == view.tokens);
    view.cached += run.tokens;
    if (!run.samples) return;
    if (view.tokens < found->second.end) {
      ++view.tokens;
      return;
    }
    free_pages_used_ -= view.pages;
    finished_.push_back(run.arrival);
    running_.erase(found);
  }

  void Step() {
    auto running = Views(running_), waiting = Views(waiting_);
    StepPlan plan =
        Plan({running, waiting, total_pages_ - free_pages_used_, page_tokens_, max_sequences_});
    for (uint64_t arrival : plan.preempt) Preempt(arrival);
    for (uint64_t arrival : plan.admit) Admit(arrival);
    if (testing::Test::HasFatalFailure()) return;
    active_.clear();
    Grow();
    widest_ = std::max<uint64_t>(widest_, active_.size());
    const std::vector<PlannedRun> runs = PlanRuns(Views(running_), max_sequences_, chunk_);
    CheckRuns(runs);
    for (const PlannedRun& run : runs) RunOne(run);
  }

  void CheckRuns(const std::vector<PlannedRun>& planned) {
    uint32_t prompt_tokens = 0, prompt_pending = 0;
    std::map<uint64_t, PlannedRun> runs;
    for (const PlannedRun& run : planned) {
      runs[run.arrival] = run;
      ASSERT_TRUE(std::ranges::binary_search(active_, run.arrival)) << "has no place";
    }
    ASSERT_EQ(runs.size(), planned.size());
    for (uint64_t arrival : active_) {
      const SequenceView& view = running_.at(arrival).view;
      if (view.tokens - view.cached == 1) {
        ASSERT_TRUE(runs.contains(arrival)) << "decode waited";
        continue;
      }
      const uint32_t pending = view.tokens - view.cached;
      if (prompt_pending == 0) {  // The oldest prompt.
        ASSERT_GE(runs[arrival].tokens, std::min(pending, (chunk_ + 3) / 4));
      }
      prompt_pending += pending;
      prompt_tokens += runs[arrival].tokens;
    }
    ASSERT_EQ(prompt_tokens, std::min(chunk_, prompt_pending));
    // No idle step while there is work.
    ASSERT_TRUE(!planned.empty() || !HasWork());
  }

  bool HasWork() const {
    for (const auto* requests : {&waiting_, &running_})
      for (const auto& [arrival, request] : *requests)
        if (!request.view.paused) return true;
    return false;
  }

  bool with_pauses_;
  std::vector<uint64_t> active_;  // With a place in this step.
  uint64_t seed_, draws_ = 0, next_ = 0, preemptions_ = 0, widest_ = 0, sat_out_ = 0;
  uint32_t page_tokens_, total_pages_, max_sequences_, chunk_;
  uint64_t free_pages_used_ = 0;
  std::map<uint64_t, Request> waiting_, running_;
  std::vector<uint64_t> finished_;
};

TEST(SchedulerSimulation, ThousandsOfArrivalsAllFinish) {
  uint64_t preemptions = 0, widest = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    uint32_t page = seed % 3 == 0 ? 1 : 16;
    uint32_t pages = (seed % 2 == 0 ? 40u : 12u) * (page == 1 ? 16 : 1);
    Simulation simulation(seed, page, pages, 8, seed % 4 == 0 ? 7 : 64);
    simulation.Run(1000);
    if (HasFatalFailure()) return;
    EXPECT_EQ(simulation.finished().size(), 1000u);
    preemptions += simulation.preemptions();
    widest = std::max(widest, simulation.widest());
  }
  EXPECT_GT(preemptions, 100u) << "the simulation must reach the hard case";
  EXPECT_EQ(widest, 8u);
}

TEST(SchedulerSimulation, WithPausesAllFinishToo) {
  uint64_t preemptions = 0, sat_out = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(seed, 16, seed % 2 == 0 ? 40u : 12u, 8, seed % 4 == 0 ? 7 : 64, true);
    simulation.Run(1000);
    if (HasFatalFailure()) return;
    EXPECT_EQ(simulation.finished().size(), 1000u);
    preemptions += simulation.preemptions();
    sat_out += simulation.sat_out();
  }
  EXPECT_GT(preemptions, 100u);
  EXPECT_GT(sat_out, 100u) << "the simulation must reach the hard case";
}

TEST(SchedulerSimulation, TheSameSeedGivesTheSameOrder) {
  Simulation a(5, 16, 20, 6, 32), b(5, 16, 20, 6, 32), c(6, 16, 20, 6, 32);
  EXPECT_EQ(a.Run(300), b.Run(300));
  c.Run(300);
  EXPECT_EQ(a.finished(), b.finished());
  EXPECT_NE(a.finished(), c.finished());
}

}  // namespace
}  // namespace ingle
