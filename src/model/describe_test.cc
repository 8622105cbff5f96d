// What a model file may say about itself: every contradiction is named. MF-11 and MF-13 of the
// catalogue of hostile model files.

#include <cmath>
#include <functional>
#include <limits>

#include "model/architecture.h"
#include "model/test_plan.h"

namespace ingle {
namespace {

TEST(PlanModel, SmolLm3RotatesThreeLayersOfFour) {
  Metadata metadata;
  metadata.values["general.architecture"] = "smollm3";
  for (const auto& [key, value] : {std::pair{"block_count", 8},
                                   {"embedding_length", 64},
                                   {"feed_forward_length", 64},
                                   {"attention.head_count", 4},
                                   {"context_length", 64}}) {
    metadata.values["smollm3." + std::string(key)] = static_cast<uint64_t>(value);
  }
  metadata.values["smollm3.attention.layer_norm_rms_epsilon"] = 1e-6;
  const auto blueprint = (*FindArchitecture(metadata))->describe(metadata);
  ASSERT_TRUE(blueprint) << blueprint.error().message;
  for (size_t i = 0; i < 8; ++i)
    EXPECT_EQ(blueprint->layers[i].rope == RopeStyle::kNone, i % 4 == 3) << i;
}

TEST(PlanModel, MF11MetadataLies) {
  const auto sizes = {"block_count",
                      "embedding_length",
                      "feed_forward_length",
                      "attention.head_count",
                      "attention.head_count_kv",
                      "context_length",
                      "attention.key_length",
                      "attention.value_length",
                      "rope.dimension_count",
                      "vocab_size"};
  for (const std::string size : sizes) {
    const std::string key = "llama." + size;
    ExpectContradiction(TinyModel().U32(key, 0), key, {"is 0"});
    ExpectContradiction(TinyModel().U32(key, 1u << 31), key, {"is 2147483648", "limit"});
    ExpectContradiction(TinyModel().I32(key, -1), key, {"is -1"});
    ExpectContradiction(TinyModel().String(key, "64"), key, {"a string"});
    ExpectContradiction(TinyModel().F32(key, 64), key, {"a number"});
    ExpectContradiction(
        TinyModel().Raw(key, 10, TestGguf::Le(std::numeric_limits<uint64_t>::max())), key);
  }
}

TEST(PlanModel, MF11MetadataContradictsItself) {
  ExpectContradiction(
      TinyModel().U32("llama.attention.head_count", 3).U32("llama.attention.head_count_kv", 3),
      "llama.attention.head_count", {"(3) does not divide 'llama.embedding_length' (64)"});
  ExpectContradiction(TinyModel().U32("llama.attention.head_count_kv", 3),
                      "llama.attention.head_count_kv",
                      {"(3) does not divide 'llama.attention.head_count' (4)"});
  ExpectContradiction(TinyModel()
                          .U32s("llama.attention.head_count_kv", {2})
                          .U32s("llama.attention.head_count_kv", {2, 2, 2}),
                      "llama.attention.head_count_kv", {"lists 3 values for 2 layers"});
  ExpectContradiction(TinyModel().U32s("llama.attention.head_count_kv", {2, 0}),
                      "llama.attention.head_count_kv", {"is 0"});
  ExpectContradiction(TinyModel().U32("llama.rope.dimension_count", 18),
                      "llama.rope.dimension_count", {"at most 16"});
  ExpectContradiction(TinyModel().U32("llama.rope.dimension_count", 7),
                      "llama.rope.dimension_count", {"even"});
  ExpectContradiction(TinyModel().U32("llama.vocab_size", 11), "llama.vocab_size",
                      {"is 11", "lists 10"});
  ExpectContradiction(TinyModel().Strings("tokenizer.ggml.tokens", {"a"}), "",
                      {"'token_embd.weight' has shape [64, 10]", "[64, 1]"});
  ExpectContradiction(TinyModel().Strings("tokenizer.ggml.tokens", {}), "tokenizer.ggml.tokens",
                      {"0 tokens"});
  ExpectContradiction(TinyModel().U32("llama.expert_count", 4).U32("llama.expert_used_count", 5),
                      "llama.expert_used_count", {"is 5, more than 'llama.expert_count' (4)"});
  ExpectContradiction(
      TinyModel().U32("llama.attention.key_length", 1024).U32("llama.attention.head_count", 512),
      "llama.attention.head_count", {"512 heads of 1024"});
  for (const float bad :
       {0.0f, -1.0f, 1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    ExpectContradiction(TinyModel().F32("llama.attention.layer_norm_rms_epsilon", bad),
                        "llama.attention.layer_norm_rms_epsilon");
    ExpectContradiction(TinyModel().F32("llama.rope.freq_base", bad), "llama.rope.freq_base");
  }
  for (const std::string key :
       {"block_count", "embedding_length", "feed_forward_length", "attention.head_count",
        "context_length", "attention.layer_norm_rms_epsilon"}) {
    ExpectContradiction(TinyModel().Remove("llama." + key), "llama." + key, {"missing"});
  }
  ExpectRefused(TinyModel().U32s("llama.attention.head_count", {4, 2}), ErrorCode::kUnsupported,
                "llama.attention.head_count", {"differs between layers"});
}

TEST(PlanModel, KeysThatChangeTheArithmeticAreRefused) {
  ExpectRefused(TinyModel().U32("llama.expert_count", 8).U32("llama.expert_used_count", 2),
                ErrorCode::kUnsupported, "llama.expert_count", {"is 8"});
  ExpectRefused(TinyModel().F32("llama.final_logit_softcapping", 30), ErrorCode::kUnsupported,
                "llama.final_logit_softcapping", {"is 30"});
  ExpectRefused(TinyModel().F32("llama.attention.temperature_scale", 0.1f), ErrorCode::kUnsupported,
                "llama.attention.temperature_scale", {"is 0.1"});
  ExpectRefused(TinyModel().F32("llama.logit_scale", 0.5f), ErrorCode::kUnsupported,
                "llama.logit_scale", {"0.5"});
  EXPECT_TRUE(PlanFile(TinyModel().F32("llama.logit_scale", 1.0f)));
  ExpectRefused(TinyModel().Bool("llama.attention.causal", false), ErrorCode::kUnsupported,
                "llama.attention.causal", {});
  EXPECT_TRUE(PlanFile(TinyModel().Bool("llama.attention.causal", true)));
  ExpectRefused(TinyModel().String("llama.rope.scaling.type", "longrope"), ErrorCode::kUnsupported,
                "llama.rope.scaling.type", {"longrope"});
  ExpectRefused(TinyModel().U32("llama.attention.value_length", 8), ErrorCode::kUnsupported,
                "llama.attention.value_length", {"is 8", "16"});
}

TEST(PlanModel, MF13DimensionsPastTheKernelsIndexType) {
  // The file is consistent and its sizes fit 64 bits; only our limits say no.
  const std::string wide = "llama.embedding_length";
  ExpectContradiction(TinyModel().U32(wide, 262145), wide, {"262144, the limit of this build"});
  ExpectContradiction(TinyModel().Remove("tokenizer.ggml.tokens").U32("llama.vocab_size", 4194305),
                      "llama.vocab_size", {"4194304, the limit"});
  TestGguf no_vocabulary =
      TinyModel({.leave_out = "token_embd.weight"}).Remove("tokenizer.ggml.tokens");
  no_vocabulary.Tensor("token_embd.weight", {1, 4194305});
  ExpectContradiction(no_vocabulary, "",
                      {"'token_embd.weight' has 4194305 rows", "the limit is 4194304"});
  EXPECT_TRUE(PlanFile(
      TinyModel().Remove("tokenizer.ggml.tokens")));  // The embedding says how many there are.
}

TEST(RopeTable, PlainLinearAndFactors) {
  RopeBlueprint rope{.dim = 8, .theta = 10000.0};
  RopeTable table = MakeRopeTable(rope, {});
  ASSERT_EQ(table.frequencies.size(), 4u);
  EXPECT_DOUBLE_EQ(table.frequencies[0], 1.0);
  EXPECT_DOUBLE_EQ(table.frequencies[2], 0.01);
  EXPECT_EQ(table.magnitude, 1.0);
  rope.scaling = RopeScaling::kLinear;
  rope.factor = 4;
  const float factors[] = {1, 2, 4, 8};
  table = MakeRopeTable(rope, factors);
  EXPECT_DOUBLE_EQ(table.frequencies[2], 0.01 / 4 / 4);
  EXPECT_EQ(table.magnitude, 1.0);
}

// Qwen2.5 at 128k tokens: head 128, theta 1e6, factor 4, trained context 32768; magnitude 1 + ln(4)
// / 10. context 32768).
TEST(RopeTable, Yarn) {
  const RopeBlueprint rope{.dim = 128,
                           .theta = 1e6,
                           .scaling = RopeScaling::kYarn,
                           .factor = 4,
                           .original_context = 32768};
  const RopeTable table = MakeRopeTable(rope, {});
  EXPECT_NEAR(table.magnitude, 1.138629436111989, 1e-12);
  EXPECT_DOUBLE_EQ(table.frequencies[0], 1.0);  // Fast pairs keep their frequency,
  EXPECT_NEAR(table.frequencies[63], std::pow(1e6, -126.0 / 128) / 4,
              1e-18);  // slow ones are stretched.
  const double own = std::pow(1e6, -60.0 / 128);
  EXPECT_GT(table.frequencies[30], own / 4);
  EXPECT_LT(table.frequencies[30], own);
}

TEST(Describe, ScalingKeys) {
  const auto rope_of = [](const std::function<void(TestGguf&)>& change) {
    TestGguf file = TinyModel();
    change(file);
    const auto planned = PlanFile(file);
    EXPECT_TRUE(planned) << planned.error().message;
    return planned ? planned->plan.blueprint.rope : RopeBlueprint{};
  };
  EXPECT_EQ(rope_of([](TestGguf& file) { file.F32("llama.rope.freq_base", 5e5f); }).theta, 5e5);
  const auto linear = rope_of([](TestGguf& file) {
    file.String("llama.rope.scaling.type", "linear").F32("llama.rope.scaling.factor", 2);
  });
  EXPECT_EQ(linear.scaling, RopeScaling::kLinear);
  EXPECT_EQ(linear.factor, 2.0);
  EXPECT_EQ(rope_of([](TestGguf& file) { file.F32("llama.rope.scale_linear", 8); }).factor, 8.0);
  EXPECT_EQ(rope_of([](TestGguf& file) { file.F32("llama.rope.scaling.factor", 0); }).scaling,
            RopeScaling::kNone);
  EXPECT_EQ(rope_of([](TestGguf& file) {
              file.String("llama.rope.scaling.type", "none").F32("llama.rope.scaling.factor", 2);
            }).scaling,
            RopeScaling::kNone);
  // A factor of its own, with or without a scaling (checked against llama.cpp).
  const auto factor =
      rope_of([](TestGguf& file) { file.F32("llama.rope.scaling.attn_factor", 1.5f); });
  EXPECT_EQ(MakeRopeTable(factor, {}).magnitude, 1.5);
  const auto yarn = rope_of([](TestGguf& file) {
    file.String("llama.rope.scaling.type", "yarn").F32("llama.rope.scaling.factor", 4);
    file.U32("llama.rope.scaling.original_context_length", 32);
  });
  EXPECT_EQ(yarn.scaling, RopeScaling::kYarn);
  EXPECT_EQ(yarn.original_context, 32u);
  ExpectContradiction(
      TinyModel().String("llama.rope.scaling.type", "yarn").F32("llama.rope.scaling.factor", 4),
      "llama.rope.scaling.original_context_length", {"missing"});
  ExpectContradiction(TinyModel().F32("llama.rope.scaling.factor", -2),
                      "llama.rope.scaling.factor");
}

}  // namespace
}  // namespace ingle
