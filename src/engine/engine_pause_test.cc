// Requests whose readers are behind: they stand still, others go on, and no token changes.

#include <gtest/gtest.h>

#include <thread>

#include "engine/engine_fixture.h"

namespace ingle {
namespace {

class PauseTest : public EngineTest {
 protected:
  static GenerateRequest Endless(std::string id, uint32_t max_tokens) {
    GenerateRequest request = TextRequest(std::move(id), "Hi");
    request.ignore_eos = true;
    request.max_tokens = max_tokens;
    return request;
  }
  static void WaitTokens(Answer& answer, size_t tokens) {
    std::unique_lock lock(answer.mutex);
    ASSERT_TRUE(answer.changed.wait_for(lock, std::chrono::seconds(60),
                                        [&] { return answer.tokens.size() >= tokens; }));
  }
  static size_t Tokens(Answer& answer) {
    std::lock_guard lock(answer.mutex);
    return answer.tokens.size();
  }
  // Pauses it and waits until no step is made any more.
  void PauseUntilStill(const std::string& id) {
    engine_->SetPaused(id, true);
    for (uint64_t before = engine_->steps() + 1; before != engine_->steps();) {
      before = engine_->steps();
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
  }
  static FakeModelOptions LongModel() {
    FakeModelOptions model;
    model.end_share = 0;
    model.context_max = 40000;
    model.pages = 40000;
    model.before_step = []() -> Status {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      return {};
    };
    return model;
  }
};

TEST_F(PauseTest, APauseChangesNoTokenAndCostsNoStep) {
  Start(LongModel());
  const auto whole = Run(Endless("whole", 3000));
  auto paused = Submit(Endless("paused", 3000));
  WaitTokens(*paused, 5);
  engine_->SetPaused("nobody", true);
  PauseUntilStill("paused");
  const size_t tokens = Tokens(*paused);
  const uint64_t steps = engine_->steps();
  ASSERT_LT(tokens, 3000u);
  EXPECT_EQ(model_->live, 1) << "it keeps its pages";
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Tokens(*paused), tokens);
  EXPECT_EQ(engine_->steps(), steps) << "nothing runs";
  EXPECT_EQ(Run(Endless("other", 20))->tokens.size(), 20u);
  EXPECT_EQ(Tokens(*paused), tokens);
  engine_->SetPaused("paused", false);
  paused->Wait();
  EXPECT_EQ(paused->ids(), whole->ids());
}

TEST_F(PauseTest, ItsPlaceGoesToTheNextInTheQueue) {
  EngineOptions options;
  options.max_sequences = 1;
  Start(LongModel(), options);
  auto paused = Submit(Endless("paused", 3000));
  WaitTokens(*paused, 1);
  engine_->SetPaused("paused", true);
  EXPECT_EQ(Run(Endless("next", 20))->tokens.size(), 20u);
  EXPECT_EQ(model_->live, 1) << "with its pages";
  engine_->SetPaused("paused", false);
  paused->Wait();
  EXPECT_EQ(paused->tokens.size(), 3000u);
}

TEST_F(PauseTest, WhoNeedsItsMemoryGetsItAndItIsComputedAgain) {
  FakeModelOptions model = LongModel();
  model.context_max = 1000;
  model.pages = 10;
  Start(model);
  const uint32_t room = engine_->context();
  const auto whole = Run(Endless("whole", room));
  auto paused = Submit(Endless("paused", room));
  WaitTokens(*paused, room / 4);
  engine_->SetPaused("paused", true);
  // As long as the whole cache.
  EXPECT_EQ(Run(Endless("big", room))->ids(), whole->ids());
  EXPECT_EQ(model_->live, 0) << "its pages were given up";
  engine_->SetPaused("paused", false);
  paused->Wait();
  EXPECT_EQ(paused->ids(), whole->ids());
}

TEST_F(PauseTest, ACancelledOneEndsAtOnce) {
  Start(LongModel());
  auto paused = Submit(Endless("paused", 3000));
  WaitTokens(*paused, 1);
  PauseUntilStill("paused");
  engine_->Cancel("paused");
  paused->Wait();
  EXPECT_EQ(paused->finished->cause, StopCause::kCancelled);
  EXPECT_EQ(model_->live, 0);
}

}  // namespace
}  // namespace ingle
