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
  // Starts a model that makes as many steps as the gate lets through.
  void StartGated(FakeModelOptions model, EngineOptions options = {}) {
    gate_ = std::make_shared<Gate>();
    model.before_step = [gate = gate_] { return gate->Pass(); };
    Start(std::move(model), options);
  }
  // Lets it make that many tokens, pauses it within the next step, and opens the gate: that step's
  // token is its last.
  void PauseAfter(const std::string& id, Answer& answer, uint64_t tokens) {
    gate_->OpenUntil(tokens);
    gate_->WaitReached(tokens + 1);
    engine_->SetPaused(id, true);
    gate_->OpenUntil(kEver);
    WaitTokens(answer, tokens + 1);
  }
  static FakeModelOptions LongModel() {
    FakeModelOptions model;
    model.end_share = 0;
    model.context_max = 40000;
    model.pages = 40000;
    return model;
  }
  static constexpr uint64_t kEver = 1'000'000'000;

  std::shared_ptr<Gate> gate_;
};

TEST_F(PauseTest, APauseChangesNoTokenAndCostsNoStep) {
  Start(LongModel());
  const auto whole = Run(Endless("whole", 3000));
  StartGated(LongModel());
  auto paused = Submit(Endless("paused", 3000));
  engine_->SetPaused("nobody", true);
  PauseAfter("paused", *paused, 5);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Tokens(*paused), 6u);
  EXPECT_EQ(model_->steps, 6u) << "nothing runs";
  EXPECT_EQ(model_->live, 1) << "it keeps its pages";
  EXPECT_EQ(Run(Endless("other", 20))->tokens.size(), 20u);
  EXPECT_EQ(Tokens(*paused), 6u);
  engine_->SetPaused("paused", false);
  paused->Wait();
  EXPECT_EQ(paused->ids(), whole->ids());
}

TEST_F(PauseTest, ItsPlaceGoesToTheNextInTheQueue) {
  EngineOptions options;
  options.max_sequences = 1;
  StartGated(LongModel(), options);
  auto paused = Submit(Endless("paused", 3000));
  PauseAfter("paused", *paused, 1);
  EXPECT_EQ(Run(Endless("next", 20))->tokens.size(), 20u);
  EXPECT_EQ(Tokens(*paused), 2u);
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
  StartGated(model);
  auto paused = Submit(Endless("paused", room));
  PauseAfter("paused", *paused, room / 4);
  // As long as the whole cache.
  EXPECT_EQ(Run(Endless("big", room))->ids(), whole->ids());
  EXPECT_EQ(model_->live, 0) << "its pages were given up";
  EXPECT_EQ(Tokens(*paused), room / 4 + 1);
  engine_->SetPaused("paused", false);
  paused->Wait();
  EXPECT_EQ(paused->ids(), whole->ids());
}

TEST_F(PauseTest, ACancelledOneEndsAtOnce) {
  StartGated(LongModel());
  auto paused = Submit(Endless("paused", 3000));
  PauseAfter("paused", *paused, 1);
  engine_->Cancel("paused");
  paused->Wait();
  EXPECT_EQ(paused->finished->cause, StopCause::kCancelled);
  EXPECT_EQ(paused->tokens.size(), 2u);
  EXPECT_EQ(model_->live, 0);
}

}  // namespace
}  // namespace ingle
