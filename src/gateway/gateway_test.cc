// The gateway with real worker processes: this program again, as a scripted worker.

#include "gateway/gateway.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <future>

#include "gateway/scripted_worker.h"

namespace ingle {
namespace {

// The events of one request, with its end.
struct Outcome {
  std::mutex mutex;
  std::condition_variable changed;
  std::string text;
  size_t accepted = 0, ends = 0;
  std::optional<Finished> finished;
  std::optional<Error> error;

  void Take(Event event) {
    std::lock_guard lock(mutex);
    accepted += std::holds_alternative<Accepted>(event);
    if (auto* delta = std::get_if<Delta>(&event)) text += delta->text;
    if (auto* f = std::get_if<Finished>(&event)) finished = *f;
    if (auto* e = std::get_if<Error>(&event)) error = *e;
    ends += std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event);
    changed.notify_all();
  }
  template <class Condition>
  void Wait(Condition condition) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), condition));
  }
  void WaitForEnd() {
    Wait([this] { return ends > 0; });
  }
};

class GatewayTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = PrivateDirectory::Make("gateway-test");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<PrivateDirectory>(*std::move(made));
    file_ = directory_->path() + "/flag";
    options_.restart = {1, 10, 60'000, 1500};
  }
  void Touch() { fclose(fopen(file_.c_str(), "w")); }
  void Start(const std::string& how = "ok") {
    options_.worker_arguments = {"gateway_test", "scripted-worker", how, file_};
    auto gateway = Gateway::Start(options_);
    ASSERT_TRUE(gateway) << gateway.error().message;
    gateway_ = *std::move(gateway);
  }
  std::shared_ptr<Outcome> Submit(const std::string& text, const std::string& id = "") {
    auto outcome = std::make_shared<Outcome>();
    GenerateRequest request;
    request.id = id.empty() ? "r" + std::to_string(++submitted_) : id;
    request.prompt = TextPrompt{text};
    gateway_->Submit(std::move(request),
                     [outcome](Event event) { outcome->Take(std::move(event)); });
    return outcome;
  }
  std::shared_ptr<Outcome> Run(const std::string& text) {
    auto outcome = Submit(text);
    outcome->WaitForEnd();
    return outcome;
  }
  template <class Condition>
  void Await(Condition condition) {
    for (int i = 0; i < 6000 && !condition(gateway_->status()); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_TRUE(condition(gateway_->status()));
  }
  void AwaitState(ModelState state) {
    Await([state](const GatewayStatus& status) { return status.state == state; });
  }

  std::unique_ptr<PrivateDirectory> directory_;
  std::string file_;
  GatewayOptions options_;
  std::unique_ptr<Gateway> gateway_;
  int submitted_ = 0;
};

TEST_F(GatewayTest, AnswersAndForgets) {
  Start();
  EXPECT_EQ(gateway_->WaitForFirstLoad(60'000), ModelState::kReady);
  auto outcome = Run("hello");
  EXPECT_EQ(outcome->text, "hello");
  EXPECT_EQ(outcome->accepted, 1u);
  EXPECT_TRUE(outcome->finished);
  gateway_->NoteBytesSent("r1", 5);  // It has ended: nothing to note.
  const GatewayStatus status = gateway_->status();
  EXPECT_EQ(status.in_flight, 0u);
  EXPECT_EQ(status.model->name, "scripted");
  EXPECT_EQ(status.restarts, 0u);
  EXPECT_GT(status.worker_pid, 0);
}

TEST_F(GatewayTest, WhateverAWorkerDoesWrongEndsTheRequestOnceAndStartsAnother) {
  Start();
  uint32_t restarts = 0;
  for (const auto& [prompt, why] :
       {std::pair("die", "signal 9"), std::pair("die later", "signal 9"),
        std::pair("foreign", "does not have"), std::pair("unaccepted", "not Accepted"),
        std::pair("twice", "not Accepted"), std::pair("lost", "lost or repeated"),
        std::pair("nan", "log-probabilities"), std::pair("garble", "")}) {
    SCOPED_TRACE(prompt);
    auto outcome = Run(prompt);
    ASSERT_TRUE(outcome->error);
    EXPECT_EQ(outcome->error->id, "worker_died");
    EXPECT_EQ(outcome->error->code, ErrorCode::kUnavailable);
    EXPECT_NE(outcome->error->message.find(why), std::string::npos) << outcome->error->message;
    EXPECT_NE(outcome->error->message.find("send the request again"), std::string::npos);
    EXPECT_EQ(Run("next")->text, "next") << "the request after waits for the new worker";
    EXPECT_EQ(outcome->ends, 1u);
    EXPECT_EQ(gateway_->status().restarts, ++restarts);
  }
}

TEST_F(GatewayTest, AStepThatStandsStillIsAStallAndALongOneThatWorksIsNot) {
  options_.stall_timeout_ms = 3000;
  Start();
  EXPECT_EQ(gateway_->WaitForFirstLoad(-1), ModelState::kReady);
  EXPECT_TRUE(Run("slow")->finished) << "5 s within one step, with progress";
  EXPECT_EQ(gateway_->status().restarts, 0u);
  auto stalled = Run("stall");
  ASSERT_TRUE(stalled->error);
  EXPECT_NE(stalled->error->message.find("no step, nor progress within one, for 3000 ms"),
            std::string::npos)
      << stalled->error->message;
  EXPECT_EQ(Run("next")->text, "next");
}

TEST_F(GatewayTest, AWorkerWhoseRequestsAreAllPausedIsNotStuck) {
  options_.stall_timeout_ms = 3000;
  Start();
  auto paused = Submit("stall", "a");
  paused->Wait([&] { return paused->accepted == 1; });
  gateway_->SetPaused("a", true);
  gateway_->SetPaused("a", true);
  gateway_->SetPaused("nobody", true);
  std::this_thread::sleep_for(std::chrono::milliseconds(5000));
  EXPECT_EQ(gateway_->status().restarts, 0u);
  EXPECT_EQ(gateway_->status().paused, 1u);
  EXPECT_EQ(paused->ends, 0u);
  gateway_->SetPaused("a", false);
  EXPECT_EQ(gateway_->status().paused, 0u);
  paused->WaitForEnd();
  EXPECT_NE(paused->error->message.find("no step"), std::string::npos) << "the clock runs again";
  EXPECT_EQ(Run("next")->text, "next");
}

TEST_F(GatewayTest, APausedRequestThatIsCancelledIsWaitedFor) {
  Start();
  auto paused = Submit("stall", "a");
  paused->Wait([&] { return paused->accepted == 1; });
  gateway_->SetPaused("a", true);
  gateway_->Cancel("a");
  paused->WaitForEnd();
  EXPECT_EQ(paused->finished->reason, FinishReason::kCancelled);
}

TEST_F(GatewayTest, CancelsBeforeAndWithAWorker) {
  Touch();
  Start("load-while");
  auto waiting = Submit("never", "a");
  gateway_->Cancel("a");
  gateway_->Cancel("nobody");
  waiting->WaitForEnd();
  EXPECT_EQ(waiting->error->id, "cancelled");
  unlink(file_.c_str());
  AwaitState(ModelState::kReady);
  auto running = Submit("stall", "b");
  running->Wait([&] { return running->accepted == 1; });
  gateway_->NoteBytesSent("b", 10);
  gateway_->Cancel("b");
  running->WaitForEnd();
  EXPECT_EQ(running->finished->reason, FinishReason::kCancelled);
}

TEST_F(GatewayTest, LoadingIsVisibleAndWaitingForItHasALimit) {
  Touch();
  options_.start_wait_ms = 1000;
  Start("load-while");
  EXPECT_EQ(gateway_->WaitForFirstLoad(1), ModelState::kLoading);
  Await([](const GatewayStatus& status) { return status.loading.bytes_done > 0; });
  auto outcome = Run("early");
  EXPECT_EQ(outcome->error->id, "model_loading");
  EXPECT_NE(outcome->error->message.find("within 1 s"), std::string::npos);
  EXPECT_EQ(gateway_->status().loading.bytes_done, 43u);
  EXPECT_EQ(gateway_->status().loading.bytes_total, 100u);
}

TEST_F(GatewayTest, TooManyAndTwiceTheSameAreRefused) {
  options_.max_in_flight = 2;
  Start();
  ASSERT_EQ(gateway_->WaitForFirstLoad(-1), ModelState::kReady);
  auto first = Submit("stall", "same");
  auto twin = Submit("stall", "same");
  twin->WaitForEnd();
  EXPECT_EQ(twin->error->id, "duplicate_id");
  auto second = Submit("stall");
  auto third = Submit("stall");
  third->WaitForEnd();
  EXPECT_EQ(third->error->id, "queue_full");
  gateway_->Stop();
  EXPECT_EQ(first->error->id, "server_shutting_down");
  EXPECT_EQ(second->error->id, "server_shutting_down");
  EXPECT_EQ(Run("late")->error->id, "server_shutting_down");
  EXPECT_EQ(gateway_->status().state, ModelState::kStopped);
}

TEST_F(GatewayTest, AModelThatCannotLoadIsNotTriedAgain) {
  for (const auto& [how, code, said] :
       {std::tuple("corrupt", ErrorCode::kCorruptFile, "it is broken"),
        std::tuple("memory", ErrorCode::kOutOfMemory, "too big"),
        std::tuple("exit65", ErrorCode::kCorruptFile, "damaged or not supported")}) {
    SCOPED_TRACE(how);
    Start(how);
    EXPECT_EQ(gateway_->WaitForFirstLoad(60'000), ModelState::kFailed);
    EXPECT_EQ(gateway_->status().load_failure, code);
    auto refused = Run("x");
    EXPECT_EQ(refused->error->id, "model_unavailable");
    EXPECT_NE(refused->error->message.find(said), std::string::npos) << refused->error->message;
    EXPECT_EQ(gateway_->status().restarts, 0u);
  }
}

TEST_F(GatewayTest, QuarantineSaysHowOftenUntilWhenAndWhatToDo) {
  Touch();
  std::mutex mutex;
  std::string log;
  options_.log = [&](bool, const std::string& line) {
    std::lock_guard lock(mutex);
    log += line + "\n";
  };
  options_.restart.quarantine_ms = 3'600'000;
  Start("die-while");
  auto waiting = Run("early");
  EXPECT_EQ(waiting->error->id, "model_unavailable");
  auto refused = Run("x");
  ASSERT_TRUE(refused->error);
  for (const char* part : {"died 5 times in ", "signal 9", "ingle show", "the next start is in ",
                           " s, and requests are refused until then"})
    EXPECT_NE(refused->error->message.find(part), std::string::npos) << refused->error->message;
  const GatewayStatus status = gateway_->status();
  EXPECT_EQ(status.state, ModelState::kQuarantined);
  EXPECT_GE(status.retry_after_s, 3000);
  EXPECT_LE(status.retry_after_s, 3600);
  gateway_.reset();
  EXPECT_NE(log.find("died 5 times"), std::string::npos);
}

TEST_F(GatewayTest, AfterTheQuarantineItIsTriedAgain) {
  Touch();
  Start("die-while");
  AwaitState(ModelState::kQuarantined);
  unlink(file_.c_str());
  AwaitState(ModelState::kReady);
  EXPECT_EQ(gateway_->status().retry_after_s, 0);
  EXPECT_EQ(Run("cured")->text, "cured");
}

TEST_F(GatewayTest, AWorkerOfAnotherBuildIsRefusedAndNotTriedForEver) {
  options_.restart.quarantine_ms = 3'600'000;
  Start("other-build");
  auto outcome = Run("x");
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->id, "model_unavailable");
  EXPECT_NE(outcome->error->message.find("it is ingle 0.0 of long ago with protocol"),
            std::string::npos)
      << outcome->error->message;
  EXPECT_EQ(gateway_->status().state, ModelState::kQuarantined);
}

TEST_F(GatewayTest, AProgramThatCannotStartIsADeathToo) {
  options_.executable = "/no/such/program";
  Start();
  auto outcome = Run("x");
  EXPECT_EQ(outcome->error->id, "model_unavailable");
  EXPECT_NE(outcome->error->message.find("/no/such/program"), std::string::npos);
}

TEST(ModelStates, HaveNames) {
  for (int i = 0; i <= static_cast<int>(ModelState::kStopped); ++i)
    EXPECT_FALSE(ModelStateName(static_cast<ModelState>(i)).empty());
  EXPECT_EQ(ModelStateName(static_cast<ModelState>(99)), "stopped");
}

}  // namespace
}  // namespace ingle

int main(int argc, char** argv) {
  if (argc == 8 && std::string_view(argv[1]) == "scripted-worker")
    return ingle::ScriptedWorkerMain(argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
