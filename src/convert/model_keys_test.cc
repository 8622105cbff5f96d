#include "convert/model_keys.h"

#include <functional>

#include "convert/test_model.h"
#include "files/model_files.h"

namespace ingle {
namespace {

struct Described {
  const Architecture* architecture = nullptr;
  Blueprint blueprint;
  GgufKeys keys;
};

Described Describe(const char* name) {
  const TinyModel tiny(name);
  const auto files = OpenModelFiles(tiny.path());
  EXPECT_TRUE(files);
  const auto plan = PlanModel(*files);
  EXPECT_TRUE(plan);
  Described described{plan->architecture, plan->blueprint, {}};
  described.keys.String("general.architecture", WrittenName(*plan->architecture));
  AddModelKeys(WrittenName(*plan->architecture), plan->blueprint, described.keys);
  return described;
}

TEST(ModelKeys, MistralIsWrittenAsLlama) {
  EXPECT_EQ(WrittenName(*Describe("mistral").architecture), "llama");
  EXPECT_EQ(WrittenName(*Describe("qwen3").architecture), "qwen3");
}

// Whatever two descriptions say differently is found, and called by its name.
TEST(ModelKeys, EveryDifferenceIsNamed) {
  struct Case {
    const char* model;
    std::function<void(Blueprint&)> change;
    std::string_view word;
  };
  const Case cases[] = {
      {"llama", [](Blueprint& b) { b.ffn_dim = 97; }, "the sizes"},
      {"llama", [](Blueprint& b) { b.layers[1].kv_heads = 1; }, "the sizes"},
      {"lfm2", [](Blueprint& b) { b.layers[1].mixer = Mixer::kShortConvolution; }, "the sizes"},
      {"llama", [](Blueprint& b) { b.layers[2].window = 9; }, "window of the text"},
      {"llama", [](Blueprint& b) { b.layers[2].rope = RopeStyle::kNone; }, "rotate positions"},
      {"gemma3", [](Blueprint& b) { b.layers[2].local_rope = false; }, "rotate positions"},
      {"lfm2moe", [](Blueprint& b) { b.layers[2].feed_forward = FeedForward::kGated; },
       "have experts"},
      {"lfm2moe", [](Blueprint& b) { b.experts.sum_epsilon = 1; }, "chosen and weighed"},
      {"llama", [](Blueprint& b) { b.norm_epsilon = 1; }, "the norm"},
      {"llama", [](Blueprint& b) { b.attention_scale = 1; }, "scale of attention"},
      {"gemma2", [](Blueprint& b) { b.logit_softcap = 1; }, "soft caps"},
      {"llama", [](Blueprint& b) { b.rope.theta = 9; }, "how positions are rotated as"},
      {"gemma3", [](Blueprint& b) { b.local_rope.theta = 9; }, "rotated in layers with a window"},
      {"phi3-longrope", [](Blueprint& b) { b.rope.long_factors[1] = 9; }, "positions are rotated"},
  };
  for (const Case& one : cases) {
    Described described = Describe(one.model);
    const RopeFactors factors = RopeFactorsOf(described.blueprint.rope);
    const auto keys = described.keys.Read();
    ASSERT_TRUE(keys);
    EXPECT_TRUE(DescribeWritten(*keys, described.blueprint, factors)) << one.model;
    one.change(described.blueprint);
    const auto written = DescribeWritten(*keys, described.blueprint, factors);
    ASSERT_FALSE(written) << one.model << ": " << one.word;
    EXPECT_EQ(written.error().code, ErrorCode::kUnsupported);
    EXPECT_NE(written.error().message.find(one.word), std::string::npos) << written.error().message;
  }
}

TEST(ModelKeys, WindowsAndExpertsThatAreNotTheRule) {
  Described described = Describe("gemma3");
  EXPECT_EQ(described.keys.Read()->Unsigned("gemma3.attention.sliding_window_pattern")->value(),
            6u);
  described = Describe("mistral");
  EXPECT_FALSE(described.keys.Has("llama.attention.sliding_window_pattern"));
  described = Describe("lfm2moe");
  Blueprint changed = described.blueprint;
  changed.experts.normalise = false;
  changed.experts.weight_scale = 2.5f;
  GgufKeys keys;
  keys.String("general.architecture", "lfm2moe");
  AddModelKeys("lfm2moe", changed, keys);
  const auto written = DescribeWritten(*keys.Read(), changed, {});
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_FALSE(written->experts.normalise);
  EXPECT_EQ(written->experts.weight_scale, 2.5f);
  EXPECT_TRUE(written->experts.sigmoid);
}

}  // namespace
}  // namespace ingle
