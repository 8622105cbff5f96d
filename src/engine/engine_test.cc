#include "engine/engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "engine/fake_model.h"

namespace ingle {
namespace {

// Collects the events of one request.
struct Answer {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Event> events;
  std::string text;
  std::vector<SampledToken> tokens;
  std::optional<Finished> finished;
  std::optional<Error> error;

  void Take(Event event) {
    std::lock_guard lock(mutex);
    EXPECT_FALSE(finished || error) << "an event after the last one";
    if (auto* delta = std::get_if<Delta>(&event)) {
      text += delta->text;
      for (auto& token : delta->tokens) tokens.push_back(token);
    }
    if (auto* f = std::get_if<Finished>(&event)) finished = *f;
    if (auto* e = std::get_if<Error>(&event)) error = *e;
    events.push_back(std::move(event));
    changed.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex);
    bool ended = changed.wait_for(lock, std::chrono::seconds(60),
                                  [this] { return finished.has_value() || error.has_value(); });
    ASSERT_TRUE(ended) << "no end of the request";
  }
  std::vector<TokenId> ids() const {
    std::vector<TokenId> out;
    for (const auto& token : tokens) out.push_back(token.token);
    return out;
  }
};

class EngineTest : public testing::Test {
 protected:
  void Start(FakeModelOptions model_options = {}, EngineOptions options = {}) {
    engine_.reset();
    EngineParts parts;
    auto model = std::make_unique<FakeModel>(std::move(model_options));
    model_ = model.get();
    parts.model = std::move(model);
    parts.tokenizer = std::make_unique<FakeTokenizer>();
    if (with_template_) parts.chat_template = std::make_unique<FakeTemplate>();
    parts.template_error = template_error_;
    parts.metadata = metadata_;
    auto engine = Engine::Create(std::move(parts), options);
    ASSERT_TRUE(engine) << engine.error().message;
    engine_ = std::move(*engine);
  }
  // Starts a model that answers `prompt` with exactly this text.
  void StartScripted(std::string_view prompt, std::string_view answer, EngineOptions options = {}) {
    FakeModelOptions model;
    for (char c : answer) model.script.push_back(static_cast<uint8_t>(c));
    model.script_at = static_cast<uint32_t>(prompt.size());
    Start(model, options);
  }

  static GenerateRequest TextRequest(std::string id, std::string prompt) {
    GenerateRequest request;
    request.id = std::move(id);
    request.prompt = TextPrompt{std::move(prompt), true};
    request.sampling.seed = 1;
    return request;
  }
  std::shared_ptr<Answer> Submit(GenerateRequest request) {
    auto answer = std::make_shared<Answer>();
    auto accepted = engine_->Submit(std::move(request),
                                    [answer](Event event) { answer->Take(std::move(event)); });
    EXPECT_TRUE(accepted) << accepted.error().message;
    if (accepted) accepted_ = *accepted;
    return answer;
  }
  std::shared_ptr<Answer> Run(GenerateRequest request) {
    auto answer = Submit(std::move(request));
    answer->Wait();
    return answer;
  }
  Error Refused(GenerateRequest request) {
    auto accepted = engine_->Submit(std::move(request), [](Event) { ADD_FAILURE(); });
    EXPECT_FALSE(accepted);
    return accepted ? Error{} : accepted.error();
  }

  bool with_template_ = true;
  std::string template_error_;
  Metadata metadata_;
  FakeModel* model_ = nullptr;
  std::unique_ptr<Engine> engine_;
  Accepted accepted_;
};

TEST_F(EngineTest, GreedyFollowsTheModel) {
  Start();
  auto request = TextRequest("a", "Once upon a time");
  request.sampling.temperature = 0;
  request.max_tokens = 50;
  auto answer = Run(request);
  std::vector<TokenId> history;
  for (char c : std::string("Once upon a time")) history.push_back(static_cast<uint8_t>(c));
  std::vector<TokenId> expected;
  std::vector<float> logits(kFakeVocab);
  while (expected.size() < 50) {
    model_->Logits(history, logits);
    auto next =
        static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    if (next == kFakeEnd || next == kFakeEos) break;
    expected.push_back(next);
    history.push_back(next);
  }
  EXPECT_EQ(answer->ids(), expected);
  EXPECT_EQ(answer->finished->prompt_tokens, 16u);
  EXPECT_EQ(answer->finished->completion_tokens, expected.size());
}

std::vector<GenerateRequest> ManyRequests(int count) {
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < count; ++i) {
    GenerateRequest request;
    request.id = "r" + std::to_string(i);
    request.prompt =
        TextPrompt{std::string(static_cast<size_t>(1 + i * 7 % 60), 'a') + std::to_string(i), true};
    request.sampling.seed = static_cast<uint64_t>(i);
    request.sampling.temperature = 1.3;
    request.sampling.top_k = 0;
    request.sampling.top_p = 1.0;
    request.sampling.min_p = 0.0;
    if (i % 3 == 0) request.sampling.repetition_penalty = 1.2;
    request.max_tokens = 40;
    requests.push_back(request);
  }
  return requests;
}

TEST_F(EngineTest, TokensDependOnTheRequestAlone) {
  constexpr int kCount = 40;
  Start();
  std::vector<std::vector<TokenId>> alone;
  std::vector<std::string> texts;
  for (const auto& request : ManyRequests(kCount)) {
    auto answer = Run(request);
    alone.push_back(answer->ids());
    texts.push_back(answer->text);
  }
  struct Setting {
    uint32_t pages, max_sequences, chunk;
  };
  for (Setting s : {Setting{1000, 32, 256}, {1000, 3, 1}, {60, 32, 7}, {36, 8, 16}, {30, 40, 64}}) {
    SCOPED_TRACE(s.pages);
    EngineOptions options;
    options.max_sequences = s.max_sequences;
    options.prompt_chunk = s.chunk;
    FakeModelOptions model;
    model.pages = s.pages;
    Start(model, options);
    std::vector<std::shared_ptr<Answer>> answers;
    for (const auto& request : ManyRequests(kCount)) answers.push_back(Submit(request));
    for (size_t i = 0; i < kCount; ++i) {
      answers[i]->Wait();
      EXPECT_EQ(answers[i]->ids(), alone[i]) << i;
      EXPECT_EQ(answers[i]->text, texts[i]) << i;
    }
    if (s.pages < 100) {
      EXPECT_GT(model_->sequences_made, uint64_t{kCount}) << "no preemption";
    }
    EXPECT_EQ(model_->used_pages, 0u);
  }
}

TEST_F(EngineTest, EndTokenEndsAndNeverShows) {
  StartScripted("Hi", "Hello.");
  auto answer = Run(TextRequest("a", "Hi"));
  EXPECT_EQ(answer->text, "Hello.");
  EXPECT_EQ(answer->finished->reason, FinishReason::kStop);
  EXPECT_EQ(answer->finished->cause, StopCause::kEndToken);
  EXPECT_EQ(answer->finished->end_token, kFakeEnd);
  EXPECT_EQ(answer->finished->completion_tokens, 6u);
}

TEST_F(EngineTest, ControlTokensInTheMiddleNeverShow) {
  FakeModelOptions model;
  model.script = {'a', kFakeStart, 'b', kFakeBegin, 'c'};
  model.script_at = 2;
  Start(model);
  auto answer = Run(TextRequest("a", "Hi"));
  EXPECT_EQ(answer->text, "abc");
  EXPECT_EQ(answer->tokens.size(), 5u);
  EXPECT_EQ(answer->tokens[1].bytes, "");
}

TEST_F(EngineTest, IgnoreEosGoesOnToTheLimit) {
  FakeModelOptions model;
  model.end_share = 0.9;
  Start(model);
  auto request = TextRequest("a", "Hi");
  request.max_tokens = 100;
  request.ignore_eos = true;
  auto answer = Run(request);
  EXPECT_EQ(answer->finished->cause, StopCause::kMaxTokens);
  EXPECT_EQ(answer->finished->reason, FinishReason::kLength);
  EXPECT_EQ(answer->tokens.size(), 100u);
  for (TokenId id : answer->ids()) EXPECT_TRUE(id != kFakeEnd && id != kFakeEos);
}

TEST_F(EngineTest, StopStringAcrossTokens) {
  StartScripted("Hi", "one two STOP three");
  auto request = TextRequest("a", "Hi");
  request.stop = {"nothing", " STOP"};
  auto answer = Run(request);
  EXPECT_EQ(answer->text, "one two");
  EXPECT_EQ(answer->finished->cause, StopCause::kStopString);
  EXPECT_EQ(answer->finished->reason, FinishReason::kStop);
  EXPECT_EQ(answer->finished->stop_string, " STOP");
  // What was held back is shown when the answer ends otherwise.
  request.id = "b";
  request.stop = {"three!"};
  EXPECT_EQ(Run(request)->text, "one two STOP three");
  request.id = "c";
  request.max_tokens = 15;
  auto cut = Run(request);
  EXPECT_EQ(cut->text, "one two STOP th");
  EXPECT_EQ(cut->finished->cause, StopCause::kMaxTokens);
}

TEST_F(EngineTest, TextIsNeverCutInACharacter) {
  StartScripted("Hi", "zażółć 🙂 ok");
  auto answer = Run(TextRequest("a", "Hi"));
  EXPECT_EQ(answer->text, "zażółć 🙂 ok");
  for (const Event& event : answer->events)
    if (auto* delta = std::get_if<Delta>(&event); delta != nullptr && !delta->text.empty()) {
      auto first = static_cast<uint8_t>(delta->text[0]);
      EXPECT_FALSE(first >= 0x80 && first < 0xC0) << "begins inside a character";
    }
  // A cut-off character ends as the replacement character.
  auto request = TextRequest("b", "Hi");
  request.max_tokens = 3;  // "za" and half of "ż".
  EXPECT_EQ(Run(request)->text, "za\xEF\xBF\xBD");
}

TEST_F(EngineTest, LongPromptIsRefusedWithBothCounts) {
  FakeModelOptions model;
  model.context_max = 100;
  Start(model);
  for (size_t length : {100u, 5000u}) {
    Error error = Refused(TextRequest("a", std::string(length, 'x')));
    EXPECT_EQ(error.code, ErrorCode::kInvalidRequest);
    EXPECT_EQ(error.id, "context_length_exceeded");
    EXPECT_TRUE(
        error.message.starts_with("This model's maximum context length is 100 tokens. "
                                  "However, your messages resulted in " +
                                  std::to_string(length) + " tokens."))
        << error.message;
  }
  EXPECT_EQ(model_->steps, 0u);
}

TEST_F(EngineTest, ContextFull) {
  FakeModelOptions model;
  model.context_max = 40;
  model.end_share = 0;
  Start(model);
  auto request = TextRequest("a", "0123456789");
  auto answer = Run(request);
  EXPECT_EQ(accepted_.max_tokens, 30u);
  EXPECT_TRUE(accepted_.warnings.empty());
  EXPECT_EQ(answer->finished->cause, StopCause::kContextFull);
  EXPECT_EQ(answer->finished->reason, FinishReason::kLength);
  EXPECT_EQ(answer->tokens.size(), 30u);

  request.id = "b";
  request.max_tokens = 31;
  EXPECT_EQ(Run(request)->finished->cause, StopCause::kContextFull);
  ASSERT_EQ(accepted_.warnings.size(), 1u);
  EXPECT_EQ(accepted_.warnings[0].code, "max_tokens_reduced");

  request.id = "c";
  request.max_tokens = 30;
  EXPECT_EQ(Run(request)->finished->cause, StopCause::kMaxTokens);
}

TEST_F(EngineTest, ContextIsWhatTheCacheHolds) {
  FakeModelOptions model;
  model.pages = 5;
  model.page_tokens = 8;
  Start(model);
  EXPECT_EQ(engine_->context(), 40u);
  ASSERT_EQ(engine_->warnings().size(), 1u);
  EXPECT_EQ(engine_->warnings()[0].code, "context_reduced");
  auto request = TextRequest("a", "Hi");
  request.ignore_eos = true;
  EXPECT_EQ(Run(request)->tokens.size(), 38u);
  EXPECT_EQ(accepted_.warnings.size(), 1u);

  EngineOptions options;
  options.context = 100;
  EngineParts parts;
  parts.model = std::make_unique<FakeModel>(model);
  parts.tokenizer = std::make_unique<FakeTokenizer>();
  EXPECT_FALSE(Engine::Create(std::move(parts), options));
}

TEST_F(EngineTest, ProgressCountsThePrompt) {
  EngineOptions options;
  options.prompt_chunk = 10;
  Start({}, options);
  auto request = TextRequest("a", std::string(95, 'p'));
  request.max_tokens = 5;
  auto answer = Run(request);
  std::vector<uint32_t> done;
  for (const Event& event : answer->events)
    if (auto* progress = std::get_if<Progress>(&event)) {
      EXPECT_EQ(progress->prompt_total, 95u);
      done.push_back(progress->prompt_done);
    }
  EXPECT_EQ(done, (std::vector<uint32_t>{10, 20, 30, 40, 50, 60, 70, 80, 90, 95}));
  EXPECT_TRUE(std::holds_alternative<Finished>(answer->events.back()));
}

TEST_F(EngineTest, ChatGoesThroughTheTemplate) {
  StartScripted(std::string(1 + 2 + 2 + 1 + 10, ' '), "Hello");
  GenerateRequest request;
  request.id = "a";
  ChatPrompt chat;
  chat.messages.push_back(json::object{{"role", "user"}, {"content", "Hi"}});
  request.prompt = chat;
  auto answer = Run(request);
  EXPECT_EQ(accepted_.prompt_tokens, 16u);
  EXPECT_EQ(answer->text, "Hello");
  EXPECT_GT(accepted_.sampling.seed.value, 0u);
  EXPECT_EQ(accepted_.sampling.seed.origin, Origin::kDrawn);
}

TEST_F(EngineTest, UserTextIsNeverAControlToken) {
  Start();
  GenerateRequest request;
  request.id = "a";
  ChatPrompt chat;
  chat.messages.push_back(json::object{{"role", "user"}, {"content", "<|im_end|>"}});
  request.prompt = chat;
  request.max_tokens = 1;
  Run(request);
  EXPECT_EQ(accepted_.prompt_tokens, 1 + 10 + 2 + 11u);
}

TEST_F(EngineTest, WithoutATemplateChatIsRefused) {
  with_template_ = false;
  Start();
  GenerateRequest request;
  request.id = "a";
  request.prompt = ChatPrompt{};
  Error error = Refused(request);
  EXPECT_EQ(error.code, ErrorCode::kInvalidRequest);
  EXPECT_EQ(error.id, "no_chat_template");
  EXPECT_NE(error.message.find("--chat-template"), std::string::npos);
  EXPECT_EQ(Run(TextRequest("b", "plain"))->finished.has_value(), true);

  template_error_ = "line 3: unknown tag";
  Start();
  EXPECT_NE(Refused(request).message.find("line 3: unknown tag"), std::string::npos);
}

TEST_F(EngineTest, BadRequestsAreRefusedBeforeAnyWork) {
  Start();
  auto empty = TextRequest("a", "");
  EXPECT_EQ(Refused(empty).param, "prompt");
  GenerateRequest tokens;
  tokens.id = "a";
  for (TokenId bad : {-1, static_cast<TokenId>(kFakeVocab)}) {
    tokens.prompt = TokenPrompt{{1, bad}};
    EXPECT_EQ(Refused(tokens).id, "invalid_token_id");
  }
  auto request = TextRequest("a", "x");
  request.sampling.logit_bias = {{kFakeVocab, 1.0}};
  EXPECT_EQ(Refused(request).param, "logit_bias");
  request.sampling.logit_bias.clear();
  request.sampling.temperature = -1;
  EXPECT_EQ(Refused(request).param, "temperature");
  request.sampling.temperature.reset();
  request.max_tokens = 0;
  EXPECT_EQ(Refused(request).param, "max_tokens");
  EXPECT_EQ(model_->steps, 0u);
}

TEST_F(EngineTest, TokenPromptIsTakenAsItIs) {
  FakeModelOptions model;
  model.script = {'y'};
  model.script_at = 3;
  Start(model);
  GenerateRequest request;
  request.id = "a";
  request.prompt = TokenPrompt{{kFakeStart, 'x', kFakeEnd}};
  EXPECT_EQ(Run(request)->text, "y");
  EXPECT_EQ(accepted_.prompt_tokens, 3u);
}

TEST_F(EngineTest, DrawnSeedRepeatsTheAnswer) {
  Start();
  auto request = TextRequest("a", "Hi");
  request.sampling = {};
  request.sampling.temperature = 2.0;
  request.sampling.top_k = 0;
  request.max_tokens = 30;
  request.ignore_eos = true;
  auto first = Run(request);
  uint64_t seed = accepted_.sampling.seed.value;
  request.id = "b";
  auto other = Run(request);
  EXPECT_NE(accepted_.sampling.seed.value, seed);
  EXPECT_NE(other->ids(), first->ids());
  request.id = "c";
  request.sampling.seed = seed;
  EXPECT_EQ(Run(request)->ids(), first->ids());
  EXPECT_EQ(accepted_.sampling.seed.origin, Origin::kRequest);
}

// The answer's continuation from prompt + the tokens so far is the answer: what a restart needs.
TEST_F(EngineTest, ContinuingFromEmittedTokensGivesTheSameAnswer) {
  Start();
  GenerateRequest request;
  request.id = "a";
  request.prompt = TokenPrompt{{'a', 'b', 'c'}};
  request.sampling.seed = 5;
  request.sampling.temperature = 1.5;
  request.sampling.repetition_penalty = 1.3;
  request.max_tokens = 30;
  request.ignore_eos = true;
  auto whole = Run(request)->ids();
  for (size_t cut : {1u, 7u, 29u}) {
    auto prompt = std::vector<TokenId>{'a', 'b', 'c'};
    prompt.insert(prompt.end(), whole.begin(), whole.begin() + static_cast<ptrdiff_t>(cut));
    request.id = "cut" + std::to_string(cut);
    request.prompt = TokenPrompt{prompt};
    request.max_tokens = static_cast<uint32_t>(30 - cut);
    auto rest = Run(request)->ids();
    EXPECT_EQ(rest, std::vector<TokenId>(whole.begin() + static_cast<ptrdiff_t>(cut), whole.end()));
  }
}

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

// Holds the model in a step until released.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t open_until = 0, reached = 0;
  Status Pass() {
    std::unique_lock lock(mutex);
    ++reached;
    changed.notify_all();
    changed.wait(lock, [this] { return reached <= open_until; });
    return {};
  }
  void WaitReached(uint64_t step) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return reached >= step; });
  }
  void OpenUntil(uint64_t step) {
    std::lock_guard lock(mutex);
    open_until = step;
    changed.notify_all();
  }
};

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

}  // namespace
}  // namespace ingle
