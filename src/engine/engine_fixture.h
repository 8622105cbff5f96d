#pragma once
// An engine over a fake model, and the answers of its requests, for tests.

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/fake_model.h"

namespace ingle {

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
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return reached >= step; }));
  }
  void OpenUntil(uint64_t step) {
    std::lock_guard lock(mutex);
    open_until = step;
    changed.notify_all();
  }
};

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

}  // namespace ingle
