// What the supervisor and the wire live by: the end of a step, and progress within one.

#include <latch>
#include <set>
#include <thread>

#include "engine/engine_fixture.h"

namespace ingle {
namespace {

class StepEndTest : public EngineTest {
 protected:
  ~StepEndTest() override { engine_.reset(); }  // Its last end of a step needs what is below.
  // Notes after how many steps each event came; on the engine's thread.
  EventSink Noting() {
    return [this](Event event) {
      std::lock_guard lock(mutex_);
      open_.push_back(std::move(event));
    };
  }
  void Watch() {
    engine_->OnStepEnd([this, engine = engine_.get()] {
      std::lock_guard lock(mutex_);
      for (const Event& event : open_) ends_ += std::holds_alternative<Finished>(event);
      if (!open_.empty()) steps_at_end_.push_back(engine->steps());
      per_end_.push_back(open_.size());
      open_.clear();
      changed_.notify_all();
    });
  }
  // A model whose first step says that it has begun, and waits.
  void StartHeld(double end_share = FakeModelOptions().end_share) {
    FakeModelOptions model;
    model.end_share = end_share;
    model.before_step = [this]() -> Status {
      if (model_->steps == 1) {
        entered_.count_down();
        go_on_.wait();
      }
      return {};
    };
    Start(model);
  }
  void WaitForEnds(size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ends_ >= count; }));
  }

  std::latch entered_{1}, go_on_{1};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> open_;      // Since the last end of a step.
  std::vector<size_t> per_end_;  // Events of each.
  std::vector<uint64_t> steps_at_end_;
  size_t ends_ = 0;
};

TEST_F(StepEndTest, FollowsAllEventsOfTheStepOfAllSequences) {
  std::latch all_there(1);
  FakeModelOptions model;
  model.end_share = 0;
  model.before_step = [&]() -> Status {
    all_there.wait();
    return {};
  };
  Start(model);
  Watch();
  for (int i = 0; i < 5; ++i) {
    GenerateRequest request = TextRequest("r" + std::to_string(i), "ab");
    request.max_tokens = 7;
    ASSERT_TRUE(engine_->Submit(std::move(request), Noting()));
  }
  all_there.count_down();
  WaitForEnds(5);
  std::lock_guard lock(mutex_);
  // The first step may have begun with fewer than five.
  EXPECT_EQ(steps_at_end_.size(), std::set(steps_at_end_.begin(), steps_at_end_.end()).size());
  for (size_t i = 0; i < steps_at_end_.size(); ++i) EXPECT_EQ(steps_at_end_[i], i + 1);
  EXPECT_GE(*std::max_element(per_end_.begin(), per_end_.end()), 4u) << "one end for all sequences";
  EXPECT_LE(steps_at_end_.size(), 8u);
}

TEST_F(StepEndTest, FollowsACancellationBetweenSteps) {
  StartHeld(0);
  Watch();
  ASSERT_TRUE(engine_->Submit(TextRequest("a", "x"), Noting()));
  entered_.wait();
  engine_->Cancel("a");
  go_on_.count_down();
  WaitForEnds(1);
  EXPECT_EQ(engine_->steps(), 1u) << "its end was told without another step";
}

TEST_F(StepEndTest, TimesOfStepsAreThoseWithWork) {
  FakeModelOptions model;
  model.end_share = 0;
  model.before_step = []() -> Status {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return {};
  };
  Start(model);
  Watch();
  EXPECT_EQ(engine_->step_us(), 0u);
  GenerateRequest request = TextRequest("a", "x");
  request.max_tokens = 5;
  ASSERT_TRUE(engine_->Submit(std::move(request), Noting()));
  WaitForEnds(1);
  EXPECT_GE(engine_->model_us(), 10'000u) << "five steps of at least 2 ms";
  EXPECT_GE(engine_->step_us(), engine_->model_us());
}

TEST_F(StepEndTest, ProgressRisesWithinAStep) {
  StartHeld();
  ASSERT_TRUE(engine_->Submit(TextRequest("a", "x"), Noting()));
  entered_.wait();
  EXPECT_EQ(engine_->progress(), 0u);
  model_->worked = 3;
  EXPECT_EQ(engine_->steps(), 0u);
  EXPECT_EQ(engine_->progress(), 3u);
  go_on_.count_down();
  engine_.reset();
}

}  // namespace
}  // namespace ingle
