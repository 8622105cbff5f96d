#include "worker/worker_session.h"

#include <future>
#include <latch>
#include <set>

#include "engine/engine_fixture.h"

namespace ingle {
namespace {

constexpr ReportIntervals kFast{std::chrono::milliseconds(20), std::chrono::milliseconds(5),
                                std::chrono::milliseconds(5)};

// Passes everything on to another engine; for tests that change one thing.
class EngineFront : public Engine {
 public:
  explicit EngineFront(Engine* inner) : inner_(inner) {}
  Result<Accepted> Submit(GenerateRequest request, EventSink sink) override {
    return inner_->Submit(std::move(request), std::move(sink));
  }
  void Cancel(const std::string& id) override { inner_->Cancel(id); }
  void SetPaused(const std::string& id, bool paused) override { inner_->SetPaused(id, paused); }
  uint64_t steps() const override { return inner_->steps(); }
  uint64_t progress() const override { return inner_->progress(); }
  void OnStepEnd(std::function<void()> hook) override { hook_ = std::move(hook); }
  uint32_t running() const override { return inner_->running(); }
  uint32_t queued() const override { return inner_->queued(); }
  const ModelInfo& model_info() const override { return inner_->model_info(); }
  uint32_t context() const override { return inner_->context(); }
  const Tokenizer& tokenizer() const override { return inner_->tokenizer(); }
  const ChatTemplate* chat_template() const override { return inner_->chat_template(); }
  const json::object& text_facts() const override { return inner_->text_facts(); }
  const std::vector<EndToken>& end_tokens() const override { return inner_->end_tokens(); }
  const std::vector<Warning>& warnings() const override { return inner_->warnings(); }

 protected:
  Engine* inner_;
  std::function<void()> hook_;
};

// Finishes a request's whole first step before the submitting thread can say Accepted.
class HastyEngine final : public EngineFront {
 public:
  using EngineFront::EngineFront;
  ~HastyEngine() override { step_.join(); }
  Result<Accepted> Submit(GenerateRequest, EventSink sink) override {
    std::latch delivered(1);
    step_ = std::thread([this, sink, &delivered] {
      sink(Delta{"a", {{1, "a", 0, {}}}});
      sink(Delta{"b", {{2, "b", 0, {}}}});
      sink(Finished{});
      steps_ = 1;
      delivered.count_down();
      hook_();
    });
    delivered.wait();
    return Accepted{};
  }
  uint64_t steps() const override { return steps_; }

 private:
  std::atomic<uint64_t> steps_ = 0;
  std::thread step_;
};

size_t TokensOf(const StepReport& report) {
  size_t tokens = 0;
  for (const RequestEvent& event : report.events)
    if (const auto* delta = std::get_if<Delta>(&event.event)) tokens += delta->tokens.size();
  return tokens;
}

bool IsEnd(const Event& event) {
  return std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event);
}

class SessionTest : public EngineTest {
 protected:
  ~SessionTest() override {
    session_.OnStreamEnd();
    engine_.reset();
  }
  void Begin(FakeModelOptions model = {}) {
    Start(std::move(model));
    session_.ReportReady(engine_.get());
    const StepReport ready = Next();
    EXPECT_EQ(std::get<WorkerDescription>(ready.load).vocab, kFakeVocab);
  }
  StepReport Next() {
    StepReport report;
    EXPECT_TRUE(session_.NextReport(&report));
    return report;
  }
  void Submit(GenerateRequest request) {
    const std::string id = request.id;
    session_.Submit(std::move(request), id);
  }
  // Reports until `ends` requests have ended.
  std::vector<StepReport> ReadUntilEnds(size_t ends) {
    std::vector<StepReport> reports;
    while (ends > 0) {
      reports.push_back(Next());
      for (const RequestEvent& event : reports.back().events) ends -= IsEnd(event.event);
    }
    return reports;
  }
  Error NextError() {
    StepReport report;
    do report = Next();
    while (report.events.empty());
    return std::get<Error>(report.events.at(0).event);
  }

  WorkerSession session_{kFast};
};

TEST_F(SessionTest, OneReportPerStepForAllSequences) {
  FakeModelOptions model;
  model.end_share = 0;
  Begin(model);
  for (uint32_t i = 0; i < 12; ++i) {
    GenerateRequest request = TextRequest("r" + std::to_string(i), "prompt");
    request.max_tokens = 20 + i;
    request.ignore_eos = true;
    Submit(std::move(request));
  }
  std::set<uint64_t> steps;
  std::map<std::string, uint32_t> tokens;
  uint64_t before = 0;
  for (const StepReport& report : ReadUntilEnds(12)) {
    EXPECT_GE(report.steps, before) << "never back";
    before = report.steps;
    std::set<std::string> with_delta;
    size_t of_step = 0;
    for (const RequestEvent& event : report.events) {
      of_step += !std::holds_alternative<Accepted>(event.event);
      const auto* delta = std::get_if<Delta>(&event.event);
      if (delta == nullptr) continue;
      EXPECT_EQ(event.first_index, tokens[event.id]) << "numbered without a gap";
      tokens[event.id] += static_cast<uint32_t>(delta->tokens.size());
      EXPECT_TRUE(with_delta.insert(event.id).second) << "two steps in one report";
    }
    if (of_step == 0) continue;
    EXPECT_EQ(of_step, report.events.size()) << "what a step did travels alone";
    EXPECT_TRUE(steps.insert(report.steps).second) << "a step in two reports";
  }
  EXPECT_EQ(steps.size(), engine_->steps());
  EXPECT_EQ(*steps.rbegin(), engine_->steps());
  for (uint32_t i = 0; i < 12; ++i) EXPECT_EQ(tokens["r" + std::to_string(i)], 20 + i);
}

TEST_F(SessionTest, AStepThatIsFasterThanAcceptedIsNotTornApart) {
  Start();
  HastyEngine hasty(engine_.get());
  session_.ReportReady(&hasty);
  Submit(TextRequest("a", "x"));
  std::vector<StepReport> with_events;
  for (StepReport& report : ReadUntilEnds(1))
    if (!report.events.empty()) with_events.push_back(std::move(report));
  ASSERT_EQ(with_events.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<Accepted>(with_events[0].events.at(0).event));
  ASSERT_EQ(with_events[1].events.size(), 3u);
  EXPECT_EQ(with_events[1].steps, 1u);
  EXPECT_EQ(with_events[1].events[1].first_index, 1u);
  EXPECT_TRUE(std::holds_alternative<Finished>(with_events[1].events[2].event));
}

TEST_F(SessionTest, AGatewayThatFallsBehindStopsTheEngineAndLosesNothing) {
  FakeModelOptions model;
  model.end_share = 0;
  model.context_max = 4000;
  Begin(model);
  GenerateRequest request = TextRequest("a", "x");
  request.max_tokens = 2000;
  request.ignore_eos = true;
  Submit(std::move(request));
  // One report is the Accepted; the engine waits with the step behind the last that fits.
  while (engine_->steps() < WorkerSession::kMaxWaitingReports) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_LE(engine_->steps(), WorkerSession::kMaxWaitingReports + 1);
  size_t tokens = 0;
  for (const StepReport& report : ReadUntilEnds(1)) tokens += TokensOf(report);
  EXPECT_EQ(tokens, 2000u);
}

TEST_F(SessionTest, ProgressWithinAStepIsReportedAndNothingElseIs) {
  std::latch go_on(1);
  FakeModelOptions model;
  model.before_step = [&]() -> Status {
    go_on.wait();
    return {};
  };
  Begin(model);
  Submit(TextRequest("a", "x"));
  while (model_->steps == 0) std::this_thread::yield();
  for (StepReport report = Next(); !report.events.empty(); report = Next()) {
  }
  StepReport still = Next();
  EXPECT_EQ(still.steps, 0u);
  EXPECT_EQ(still.progress, 0u) << "reports come, but they claim no progress";
  EXPECT_EQ(still.running, 1u);
  model_->worked = 9;
  EXPECT_EQ(Next().progress, 9u);
  EXPECT_EQ(Next().progress, 9u);
  go_on.count_down();
  ReadUntilEnds(1);
}

TEST_F(SessionTest, LoadingIsReportedAtItsOwnPace) {
  std::atomic<bool> loading = true;
  std::thread loader([&] {
    for (uint64_t i = 1; loading; ++i) session_.ReportLoading(i, 1'000'000'000);
  });
  const auto begun = std::chrono::steady_clock::now();
  uint64_t before = 0;
  for (int told = 0; told < 5;) {
    const StepReport report = Next();
    const auto* state = std::get_if<LoadingState>(&report.load);
    if (state == nullptr) continue;  // The loader's thread did not run meanwhile.
    ++told;
    EXPECT_GT(state->bytes_done, before);
    EXPECT_EQ(state->bytes_total, 1'000'000'000u);
    before = state->bytes_done;
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 5 * kFast.loading)
      << "at most one report per interval, however often it is told";
  loading = false;
  loader.join();
  Next();  // The last state, perhaps.
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Next().load)) << "nothing new, nothing said";
}

TEST_F(SessionTest, WhatCannotBeSubmittedIsAnsweredWithAnError) {
  Submit(TextRequest("early", "x"));
  EXPECT_EQ(NextError().id, "model_loading");
  EXPECT_EQ(session_.Tokenize("x", true, true).error().id, "model_loading");
  EXPECT_EQ(session_.Describe().error().id, "model_loading");
  session_.Submit(Fail(ErrorCode::kInvalidRequest, "broken", "", "bad_message"), "b");
  EXPECT_EQ(NextError().id, "bad_message");
  Begin();
  GenerateRequest long_one = TextRequest("long", std::string(5000, 'x'));
  Submit(std::move(long_one));
  EXPECT_EQ(NextError().id, "context_length_exceeded");
  session_.Drain();
  Submit(TextRequest("late", "x"));
  EXPECT_EQ(NextError().id, "server_shutting_down");
  EXPECT_FALSE(session_.Capabilities().empty());
}

TEST_F(SessionTest, AFailedLoadIsReported) {
  session_.ReportLoading(1, 2);
  session_.ReportFailed({ErrorCode::kCorruptFile, "no", "", ""});
  EXPECT_EQ(std::get<Error>(Next().load).code, ErrorCode::kCorruptFile);
  session_.WaitForEnd(1);
}

TEST_F(SessionTest, CancellationEndsARequestOnce) {
  FakeModelOptions model;
  model.end_share = 0;
  model.before_step = []() -> Status {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  };
  Begin(model);
  session_.Cancel("nobody");
  for (int i = 0; i < 20; ++i) {
    const std::string id = "r" + std::to_string(i);
    Submit(TextRequest(id, "x"));
    Submit(TextRequest(id, "x"));  // The same id again: still one request.
    if (i % 2 == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    session_.Cancel(id);
    const auto reports = ReadUntilEnds(1);
    const Event& end = reports.back().events.back().event;
    if (const auto* finished = std::get_if<Finished>(&end))
      EXPECT_EQ(finished->reason, FinishReason::kCancelled);
    else
      EXPECT_EQ(std::get<Error>(end).code, ErrorCode::kCancelled);
  }
}

TEST_F(SessionTest, APauseReachesTheEngineOnceItHasAccepted) {
  auto gate = std::make_shared<Gate>();
  FakeModelOptions model;
  model.end_share = 0;
  model.before_step = [gate] { return gate->Pass(); };
  Begin(model);
  session_.SetPaused("nobody", true);
  GenerateRequest request = TextRequest("a", "x");
  request.max_tokens = 500;
  Submit(std::move(request));
  gate->OpenUntil(2);
  size_t tokens = 0;
  while (tokens < 2) tokens += TokensOf(Next());
  gate->WaitReached(3);
  session_.SetPaused("a", true);
  gate->OpenUntil(1'000'000);
  while (tokens < 3) tokens += TokensOf(Next());  // Of the step that it was in.
  for (int i = 0; i < 10; ++i) {
    const StepReport report = Next();
    EXPECT_TRUE(report.events.empty()) << "it stands still";
    EXPECT_EQ(report.steps, 3u);
  }
  session_.SetPaused("a", false);
  EXPECT_TRUE(std::holds_alternative<Finished>(ReadUntilEnds(1).back().events.back().event));
}

TEST_F(SessionTest, TextCallsUseTheModelsTokenizerAndTemplate) {
  Begin();
  EXPECT_EQ(*session_.Tokenize("ab</s>", false, true), (std::vector<int32_t>{97, 98, kFakeEos}));
  EXPECT_EQ(session_.Tokenize("</s>", false, false)->size(), 4u);
  EXPECT_EQ(*session_.Detokenize({97, kFakeEos}), "a</s>");
  EXPECT_EQ(session_.Detokenize({kFakeVocab}).error().id, "invalid_token_id");
  EXPECT_EQ(session_.Detokenize({-1}).error().id, "invalid_token_id");
  EXPECT_EQ(session_.Detokenize(std::vector<int32_t>((1 << 20) + 1)).error().code,
            ErrorCode::kTooLarge);
  ChatPrompt chat;
  chat.messages.push_back(json::object{{"role", "user"}, {"content", "hi"}});
  EXPECT_EQ(*session_.Render(chat), "<|im_start|>hi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(session_.Describe()->vocab, kFakeVocab);
}

TEST_F(SessionTest, WithoutATemplateRenderSaysSo) {
  with_template_ = false;
  Begin();
  EXPECT_EQ(session_.Render({}).error().id, "no_chat_template");
  EXPECT_FALSE(session_.Describe()->has_chat_template);
}

TEST_F(SessionTest, TheEndOfTheStreamEndsReports) {
  Begin();
  auto ended = std::async(std::launch::async, [&] { session_.WaitForEnd(-1); });
  session_.OnStreamEnd();
  ended.get();
  StepReport report;
  EXPECT_FALSE(session_.NextReport(&report));
}

}  // namespace
}  // namespace ingle
