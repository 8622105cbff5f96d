// What one request gets: tokens, text, ends, refusals.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/engine_fixture.h"

namespace ingle {
namespace {

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
    uint32_t pages, max_sequences, chunk, threads = 1;
  };
  for (Setting s : {Setting{1000, 32, 256},
                    {1000, 3, 1},
                    {60, 32, 7},
                    {36, 8, 16, 2},
                    {30, 40, 64},
                    {1000, 32, 256, 3}}) {
    SCOPED_TRACE(s.pages);
    EngineOptions options;
    options.max_sequences = s.max_sequences;
    options.prompt_chunk = s.chunk;
    FakeModelOptions model;
    model.pages = s.pages;
    model.threads = s.threads;
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

TEST_F(EngineTest, StopStringsOfTheModel) {
  metadata_.values["generation_config.stop_strings"] = std::string(" STOP");
  StartScripted("Hi", "one two STOP three");
  auto request = TextRequest("a", "Hi");
  EXPECT_EQ(Run(request)->text, "one two");
  request.id = "b";
  request.stop = {"two"};  // Instead of the model's.
  EXPECT_EQ(Run(request)->text, "one ");
  request = TextRequest("c", "Hi");
  request.ignore_eos = true;
  request.max_tokens = 18;
  EXPECT_EQ(Run(request)->text, "one two STOP three");
  const json::object& facts = engine_->text_facts();
  EXPECT_EQ(json::serialize(facts.at("sampling").at("stop").at("value")), R"([" STOP"])");
  EXPECT_FALSE(facts.at("end_tokens").as_array().empty());
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
                                  "However, your prompt resulted in " +
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

TEST_F(EngineTest, AContextBeyondTheModelsIsRefusedAtTheStart) {
  FakeModelOptions model;
  model.context_max = 40;
  EngineOptions options;
  options.context = 41;
  EngineParts parts;
  parts.model = std::make_unique<FakeModel>(model);
  parts.tokenizer = std::make_unique<FakeTokenizer>();
  auto engine = Engine::Create(std::move(parts), options);
  ASSERT_FALSE(engine);
  EXPECT_NE(engine.error().message.find("--ctx 40 or less"), std::string::npos);
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

}  // namespace
}  // namespace ingle
