// Requests beside each other: failures, cancellation, queues, threads; values of the model file.

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "engine/engine_fixture.h"

namespace ingle {
namespace {

TEST_F(EngineTest, LogProbabilities) {
  StartScripted("Hi", "ab");
  auto request = TextRequest("a", "Hi");
  request.top_logprobs = 3;
  auto answer = Run(request);
  ASSERT_EQ(answer->tokens.size(), 2u);
  for (const SampledToken& token : answer->tokens) {
    EXPECT_NEAR(token.logprob, 0.0, 1e-9);
    ASSERT_EQ(token.top.size(), 3u);
    EXPECT_EQ(token.top[0].token, token.token);
    EXPECT_EQ(token.top[0].bytes, token.bytes);
    EXPECT_LT(token.top[1].logprob, -40);
    EXPECT_GE(token.top[1].logprob, token.top[2].logprob);
  }
}

TEST_F(EngineTest, WhenEveryTokenIsForbiddenTheAnswerStops) {
  Start();
  auto request = TextRequest("a", "Hi");
  for (TokenId id = 0; id < static_cast<TokenId>(kFakeVocab); ++id)
    request.sampling.logit_bias.emplace_back(id, -std::numeric_limits<double>::infinity());
  auto answer = Run(request);
  EXPECT_EQ(answer->finished->reason, FinishReason::kStop);
  EXPECT_EQ(answer->finished->cause, StopCause::kNothingAllowed);
  EXPECT_EQ(answer->text, "");
}

TEST_F(EngineTest, AFailureOfTheModelEndsTheStepAndNotTheEngine) {
  FakeModelOptions model;
  auto fail = std::make_shared<std::atomic<bool>>(true);
  model.before_step = [fail]() -> Status {
    if (fail->exchange(false)) return Fail(ErrorCode::kInternal, "broken");
    return {};
  };
  Start(model);
  auto answer = Run(TextRequest("a", "Hi"));
  ASSERT_TRUE(answer->error);
  EXPECT_EQ(answer->error->message, "broken");
  EXPECT_EQ(model_->live, 0);  // Its pages and its id are free when it hears of its end.
  EXPECT_TRUE(Run(TextRequest("a", "Hi"))->finished);
}

TEST_F(EngineTest, CancelEndsWithinOneStep) {
  auto gate = std::make_shared<Gate>();
  FakeModelOptions model;
  model.before_step = [gate] { return gate->Pass(); };
  model.end_share = 0;
  EngineOptions options;
  options.prompt_chunk = 4;
  Start(model, options);
  auto prefilling = Submit(TextRequest("long", std::string(400, 'x')));
  gate->WaitReached(1);
  auto neighbour = Submit(TextRequest("short", "Hi"));
  engine_->Cancel("long");
  engine_->Cancel("unknown");
  gate->OpenUntil(1);
  prefilling->Wait();  // Step 1 is over; step 2 has not begun to matter.
  EXPECT_EQ(prefilling->finished->reason, FinishReason::kCancelled);
  EXPECT_EQ(prefilling->finished->cause, StopCause::kCancelled);
  gate->WaitReached(2);
  EXPECT_EQ(model_->live, 1) << "its pages are free before the next step";
  engine_->Cancel("short");
  gate->OpenUntil(1000);
  neighbour->Wait();
  EXPECT_LE(neighbour->tokens.size(), 1u);
  EXPECT_LE(model_->steps, 2u);
}

TEST_F(EngineTest, AFullQueueRefuses) {
  auto gate = std::make_shared<Gate>();
  FakeModelOptions model;
  model.before_step = [gate] { return gate->Pass(); };
  EngineOptions options;
  options.max_sequences = 1;
  options.max_queue = 2;
  Start(model, options);
  auto running = Submit(TextRequest("0", "Hi"));
  gate->WaitReached(1);
  EXPECT_EQ(engine_->queued(), 0u);
  auto first = Submit(TextRequest("1", "Hi")), second = Submit(TextRequest("2", "Hi"));
  EXPECT_EQ(engine_->queued(), 2u);
  Error error = Refused(TextRequest("3", "Hi"));
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
  EXPECT_EQ(error.id, "queue_full");
  EXPECT_EQ(Refused(TextRequest("1", "Hi")).code, ErrorCode::kUnavailable);
  engine_->Cancel("2");
  gate->OpenUntil(100000);
  for (auto& answer : {running, first, second}) answer->Wait();
  EXPECT_EQ(second->finished->cause, StopCause::kCancelled);
  EXPECT_TRUE(Run(TextRequest("4", "Hi"))->finished);
}

TEST_F(EngineTest, TheSameIdTwiceIsRefusedWhileInFlight) {
  auto gate = std::make_shared<Gate>();
  FakeModelOptions model;
  model.before_step = [gate] { return gate->Pass(); };
  Start(model);
  auto answer = Submit(TextRequest("same", "Hi"));
  EXPECT_EQ(Refused(TextRequest("same", "Hi")).param, "id");
  gate->OpenUntil(100000);
  answer->Wait();
}

TEST_F(EngineTest, DestructionCancelsWhatRuns) {
  FakeModelOptions model;
  model.end_share = 0;
  model.context_max = 1000000;
  model.pages = 1000000;
  Start(model);
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(Submit(TextRequest(std::to_string(i), "Hi")));
  engine_.reset();
  for (auto& answer : answers) {
    ASSERT_TRUE(answer->finished);
    EXPECT_EQ(answer->finished->cause, StopCause::kCancelled);
  }
}

TEST_F(EngineTest, ManyThreadsSubmitAndCancel) {
  FakeModelOptions model;
  model.pages = 60;
  EngineOptions options;
  options.max_sequences = 6;
  options.max_queue = 10000;
  Start(model, options);
  std::vector<std::thread> threads;
  std::atomic<int> ended = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        auto request = TextRequest(std::to_string(t) + "/" + std::to_string(i),
                                   std::string(static_cast<size_t>(1 + i), 'x'));
        request.max_tokens = 20;
        std::string id = request.id;
        auto accepted = engine_->Submit(std::move(request), [&](Event event) {
          if (std::holds_alternative<Finished>(event) || std::holds_alternative<Error>(event))
            ++ended;
        });
        EXPECT_TRUE(accepted);
        if (i % 3 == 0) engine_->Cancel(id);
        engine_->queued();
        engine_->running();
      }
    });
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < 6000 && ended < 200; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(ended, 200);
  engine_.reset();
}

TEST_F(EngineTest, EndTokensHaveASource) {
  metadata_.values["tokenizer.ggml.eom_token_id"] = uint64_t{kFakeStart};
  metadata_.values["tokenizer.ggml.eot_token_id"] = uint64_t{999999};  // Not in the vocabulary.
  Start();
  const auto& ends = engine_->end_tokens();
  ASSERT_EQ(ends.size(), 3u);
  EXPECT_EQ(ends[0].id, kFakeStart);
  EXPECT_EQ(ends[0].source, "eom_token_id");
  EXPECT_EQ(ends[1].spelling, "<|im_end|>");
  EXPECT_EQ(ends[1].source, "known spelling");
  EXPECT_EQ(ends[2].source, "eos_token_id");

  FakeTokenizer tokenizer;
  tokenizer.end_ids.clear();
  std::vector<std::string> endings{"<|im_end|>", "unknown", "A"};
  auto found = FindEndTokens(tokenizer, {}, endings);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].source, "chat template");
}

TEST_F(EngineTest, SamplingValuesOfTheModelFile) {
  metadata_.values["general.sampling.temp"] = double{0.6f};
  metadata_.values["general.sampling.top_k"] = int64_t{20};
  metadata_.values["general.sampling.top_p"] = 7.0;
  EngineOptions options;
  options.sampling.top_k = 30;
  Start({}, options);
  Run(TextRequest("a", "Hi"));
  EXPECT_EQ(accepted_.sampling.temperature.value, 0.6);
  EXPECT_EQ(accepted_.sampling.temperature.origin, Origin::kModel);
  EXPECT_EQ(accepted_.sampling.top_k.value, 30);
  EXPECT_EQ(accepted_.sampling.top_k.origin, Origin::kServer);
  EXPECT_EQ(accepted_.sampling.top_p.value, 0.95);
  ASSERT_EQ(accepted_.warnings.size(), 1u);
  EXPECT_NE(accepted_.warnings[0].message.find("general.sampling.top_p"), std::string::npos);
}

// Turn by turn, as a chat grows: the answers of a model that keeps nothing, whatever is reused.
TEST_F(EngineTest, WhatWasComputedBeforeIsReusedAndChangesNothing) {
  std::vector<std::string> plain;
  std::vector<uint32_t> cached;
  for (const bool reuses : {false, true}) {
    EngineOptions options;
    options.prompt_chunk = 5;
    FakeModelOptions model;
    model.end_share = 0;
    model.reuses = reuses;
    Start(model, options);
    std::string prompt = "It was a dark and stormy night";
    for (size_t turn = 0; turn < 4; ++turn) {
      GenerateRequest request = TextRequest("turn" + std::to_string(turn), prompt);
      request.max_tokens = 6;
      auto answer = Submit(request);
      answer->Wait();
      ASSERT_TRUE(answer->finished);
      if (reuses)
        cached.push_back(answer->finished->cached_tokens);
      else
        plain.push_back(answer->text);
      EXPECT_EQ(answer->text, plain[turn]);
      prompt += "abcdefghi"[turn];
    }
  }
  ASSERT_EQ(cached.size(), 4u);
  EXPECT_EQ(cached[0], 0u);
  EXPECT_EQ(cached[1], 28u) << "whole pages of four tokens";
}

TEST_F(EngineTest, APromptThatIsInTheCacheDoesNotWaitBehindShorterOnesThatAreNot) {
  auto gate = std::make_shared<Gate>();
  gate->open_until = 1000;
  FakeModelOptions model;
  model.reuses = true;
  model.before_step = [gate] { return gate->Pass(); };
  EngineOptions options;
  options.prompt_chunk = 8;
  Start(model, options);
  const auto submit = [&](const std::string& id, std::string prompt) {
    GenerateRequest request = TextRequest(id, std::move(prompt));
    request.max_tokens = 1;
    return Submit(request);
  };
  const std::string known = "It was a dark and stormy night";
  submit("first", known)->Wait();
  const uint64_t steps = model_->steps;
  gate->OpenUntil(steps);
  submit("meanwhile", "Hi");  // So that the others come into one step.
  gate->WaitReached(steps + 1);
  auto oldest = submit("oldest", std::string(100, 'x'));
  auto unknown = submit("unknown", "twelve bytes");
  auto again = submit("again", known);
  gate->OpenUntil(steps + 2);
  gate->WaitReached(steps + 3);
  {
    std::lock_guard lock(again->mutex);
    EXPECT_TRUE(again->finished) << "lacks two tokens";
  }
  {
    std::lock_guard lock(unknown->mutex);
    EXPECT_FALSE(unknown->finished) << "lacks twelve";
  }
  gate->OpenUntil(1000);
  for (const auto& answer : {oldest, unknown, again}) answer->Wait();
}

TEST_F(EngineTest, ReuseStaysWithinItsScopeAndCanBeSwitchedOff) {
  FakeModelOptions model;
  model.reuses = true;
  Start(model);
  const auto cached = [&](const std::string& scope, bool on) {
    GenerateRequest request = TextRequest("again", "It was a dark and stormy night");
    request.cache_scope = scope;
    request.cache_prompt = on;
    request.max_tokens = 3;
    auto answer = Submit(request);
    answer->Wait();
    return answer->finished ? answer->finished->cached_tokens : UINT32_MAX;
  };
  EXPECT_EQ(cached("a", false), 0u);
  EXPECT_EQ(cached("a", true), 0u) << "what may not be cached leaves nothing";
  EXPECT_EQ(cached("b", true), 0u);
  EXPECT_EQ(cached("a", false), 0u);
  EXPECT_EQ(cached("a", true), 28u);
}

}  // namespace
}  // namespace ingle
