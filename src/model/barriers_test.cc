// How often the threads of a pass wait for each other: what is shared out costs a barrier.

#include <gtest/gtest.h>

#include <numeric>

#include "model/decoder.h"
#include "model/test_model.h"

namespace ingle {
namespace {

class Steps {
 public:
  explicit Steps(const TestModelShape& shape, uint32_t threads = 2)
      : file_(TestModelBytes(shape)), text_(100), logits_(shape.vocab) {
    std::iota(text_.begin(), text_.end(), 0);
    for (int32_t& token : text_) token %= static_cast<int32_t>(shape.vocab);
    ModelOptions options;
    options.threads = threads;
    options.cache_tokens = 1024;
    auto loaded = LoadModel(file_.path(), options);
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
    if (!loaded) return;
    model_ = std::move(loaded->model);
    sequence_ = model_->NewSequence();
  }

  const StepProfile& profile() const { return *model_->profile(); }

  // Barriers of a step of so many tokens.
  uint64_t Of(uint32_t tokens) {
    const uint64_t before = profile().barriers;
    const Segment segment{sequence_.get(), std::span(text_).first(tokens)};
    EXPECT_TRUE(model_->Step({&segment, 1}, logits_));
    return profile().barriers - before;
  }

 private:
  TestFile file_;
  std::vector<int32_t> text_;
  std::vector<float> logits_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Sequence> sequence_;
};

constexpr uint64_t OfTwoLayers(uint64_t each) { return 1 + 2 * each; }  // And the embedding's.

TEST(Barriers, AreFive) {
  Steps steps({});
  steps.Of(40);
  const StepProfile before = steps.profile();
  EXPECT_EQ(steps.Of(1), OfTwoLayers(5));
  const StepProfile& after = steps.profile();
  EXPECT_EQ(after.steps - before.steps, 1u);
  EXPECT_EQ(after.tokens - before.tokens, 1u);
  for (size_t phase = 0; phase < kStepPhases; ++phase)
    EXPECT_GT(after.seconds[phase], before.seconds[phase]) << kStepPhaseNames[phase];
}

// Up to eight tokens are quantised by every thread; more are shared out, except hidden vectors,
// which are so where many tokens of them have too few blocks for all threads.
TEST(Barriers, AreMoreForManyTokens) {
  Steps one_block({}), four_blocks({.ffn = 1000}), alone({.ffn = 500}, 1);
  for (Steps* steps : {&one_block, &four_blocks, &alone}) {
    EXPECT_EQ(steps->Of(8), OfTwoLayers(5));
    EXPECT_EQ(steps->Of(9), OfTwoLayers(8));
    EXPECT_EQ(steps->Of(64), OfTwoLayers(8));
    EXPECT_EQ(steps->Of(65), OfTwoLayers(steps == &one_block ? 9 : 8));
  }
}

// 1024 floats are 4096 bytes of 24576; what attention delivers is narrow.
TEST(Barriers, AreMoreForWideInputsOfSeveralTokens) {
  Steps steps({.width = 1024});
  EXPECT_EQ(steps.Of(1), OfTwoLayers(5));
  EXPECT_EQ(steps.Of(6), OfTwoLayers(5));
  EXPECT_EQ(steps.Of(7), OfTwoLayers(7));
}

// Rows that the router reads are shared by all threads, so that only one token needs no barrier.
TEST(Barriers, SeveralTokensMeetBeforeTheRouter) {
  Steps steps({.architecture = "qwen3moe"});
  // The embedding's, 5 of a dense layer, 3 of attention, 3 of scores, gate and up, and down; of
  // several tokens also norms and choices.
  EXPECT_EQ(steps.Of(1), 12u);
  EXPECT_EQ(steps.Of(2), 14u);
}

}  // namespace
}  // namespace ingle
