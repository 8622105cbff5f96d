// Every missing, unknown, misshapen or unsupported tensor of a model file is named.

#include "model/weights.h"

#include <cmath>
#include <limits>

#include "model/test_plan.h"

namespace ingle {
namespace {

TEST(PlanModel, LlamaTiedAndUntied) {
  const auto tied = PlanFile(TinyModel({.rope_factors = true}));
  ASSERT_TRUE(tied) << tied.error().message;
  EXPECT_TRUE(tied->plan.tied());
  const Blueprint& blueprint = tied->plan.blueprint;
  EXPECT_EQ(blueprint.vocab, kVocab);
  EXPECT_EQ(blueprint.model_dim, kWidth);
  EXPECT_EQ(blueprint.ffn_dim, kFfn);
  EXPECT_EQ(blueprint.heads, kHeads);
  EXPECT_EQ(blueprint.head_dim, kWidth / kHeads);
  EXPECT_EQ(blueprint.rope.dim, kWidth / kHeads);
  EXPECT_EQ(blueprint.rope.theta, 10000.0);
  EXPECT_EQ(blueprint.context_max, 128u);
  ASSERT_EQ(blueprint.layers.size(), kLayers);
  EXPECT_EQ(blueprint.layers[1].kv_heads, kKvHeads);
  EXPECT_EQ(blueprint.layers[1].rope, RopeStyle::kAdjacentPairs);
  EXPECT_EQ(ReadFloats(*tied->plan.Find(Slot::kRopeFactors))[3], 4.0f);
  const PlannedTensor* key = tied->plan.Find(Slot::kKey, 1);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->source->name, "blk.1.attn_k.weight");
  EXPECT_EQ(key->view.rows, kWidth / kHeads * kKvHeads);
  EXPECT_EQ(key->view.cols, kWidth);
  EXPECT_EQ(tied->plan.Find(Slot::kQueryBias, 1), nullptr);
  for (size_t i = 1; i < tied->plan.tensors.size(); ++i) {
    EXPECT_LT(tied->plan.tensors[i - 1].source->offset, tied->plan.tensors[i].source->offset);
  }
  const auto untied = PlanFile(TinyModel({.tied = false, .matrix = DType::kQ8_0}));
  ASSERT_TRUE(untied) << untied.error().message;
  EXPECT_FALSE(untied->plan.tied());
  EXPECT_EQ(untied->plan.Find(Slot::kOutput)->view.type, DType::kQ8_0);
}

TEST(PlanModel, OtherArchitectures) {
  const auto qwen2 = PlanFile(TinyModel({.architecture = "qwen2", .biases = true}));
  ASSERT_TRUE(qwen2) << qwen2.error().message;
  EXPECT_EQ(qwen2->plan.blueprint.layers[0].rope, RopeStyle::kSplitHalves);
  EXPECT_NE(qwen2->plan.Find(Slot::kValueBias, 1), nullptr);
  const auto qwen3 = PlanFile(TinyModel({.architecture = "qwen3", .head_norms = true}));
  ASSERT_TRUE(qwen3) << qwen3.error().message;
  EXPECT_NE(qwen3->plan.Find(Slot::kKeyNorm, 0), nullptr);
  const auto smollm3 = PlanFile(TinyModel({.architecture = "smollm3"}));
  ASSERT_TRUE(smollm3) << smollm3.error().message;
  ExpectRefused(TinyModel({.architecture = "mamba"}), ErrorCode::kUnsupported,
                "general.architecture", {"mamba", "llama, qwen2, qwen3, smollm3"});
  ExpectContradiction(TinyModel().Remove("general.architecture"), "general.architecture",
                      {"missing"});
  ExpectContradiction(TinyModel().U32("general.architecture", 1), "general.architecture",
                      {"a string"});
}

TEST(PlanModel, MissingTensorsAreNamed) {
  for (const std::string name : {"token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight",
                                 "blk.1.ffn_down.weight"}) {
    ExpectContradiction(TinyModel({.leave_out = name}), "",
                        {"'" + name + "'", "missing", "fetch or convert"});
  }
  ExpectContradiction(TinyModel({.architecture = "qwen2"}), "",
                      {"missing 'blk.1.attn_v.bias' [32]"});
  ExpectContradiction(
      TinyModel().RemoveTensor("blk.1.attn_norm.weight").RemoveTensor("blk.0.ffn_up.weight"), "",
      {"2 tensors", "'blk.1.attn_norm.weight'", "'blk.0.ffn_up.weight' [64, 96]"});
  ExpectContradiction(
      TestGguf().String("general.architecture", "llama").U32("llama.block_count", 1),
      "llama.embedding_length", {"missing"});
  TestGguf vocabulary_only;
  for (const auto& [key, value] : {std::pair{"block_count", 1},
                                   {"embedding_length", 64},
                                   {"feed_forward_length", 64},
                                   {"attention.head_count", 4},
                                   {"context_length", 64}}) {
    vocabulary_only.U32("llama." + std::string(key), static_cast<uint32_t>(value));
  }
  vocabulary_only.String("general.architecture", "llama")
      .F32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  ExpectContradiction(vocabulary_only.Strings("tokenizer.ggml.tokens", {"a"}), "",
                      {"vocabulary but no weights"});
  ExpectContradiction(
      TestGguf().String("general.architecture", "llama").Strings("tokenizer.ggml.tokens", {"a"}),
      "", {"vocabulary but no weights"});
}

TEST(CheckSupported, NamesArchitectureReasonAndWhatRuns) {
  const auto message =
      [](std::initializer_list<std::pair<const std::string, MetadataValue>> values) {
        Metadata metadata;
        metadata.container = Container::kHuggingFace;
        metadata.values = {values.begin(), values.end()};
        const Status checked = CheckSupported(metadata);
        return checked ? std::string() : checked.error().message;
      };
  using Names = std::vector<std::string>;
  const std::pair<const std::string, MetadataValue> llama{"architectures",
                                                          Names{"LlamaForCausalLM"}};
  // Keys that are missing or wrong are for PlanModel.
  EXPECT_EQ(message({llama}), "");
  const std::string mamba = message({{"architectures", Names{"MambaForCausalLM"}}});
  EXPECT_NE(mamba.find("'MambaForCausalLM'"), mamba.npos);
  EXPECT_NE(mamba.find("Lfm2MoeForCausalLM"), mamba.npos);
  const std::string method =
      message({llama, {"quantization_config.quant_method", std::string("bitsandbytes")}});
  for (const char* word :
       {"'LlamaForCausalLM' is not supported", "bitsandbytes", "GPT2LMHeadModel"})
    EXPECT_NE(method.find(word), method.npos) << method;
}

TEST(PlanModel, UnknownTensorsAreNamed) {
  ExpectContradiction(TinyModel().Tensor("blk.0.attn_gate.weight", {64}), "",
                      {"unknown 'blk.0.attn_gate.weight'", "'llama'", "wrong answers"});
  ExpectContradiction(TinyModel().Tensor("blk.0.attn_q.beta", {64}), "",
                      {"unknown 'blk.0.attn_q.beta'"});
  ExpectContradiction(
      TinyModel().Tensor("blk.2.attn_q.weight", {64, 64}), "",
      {"'blk.2.attn_q.weight' belongs to a layer past the 2", "'llama.block_count'"});
  TestGguf many = TinyModel();
  for (int i = 0; i < 40; ++i) many.Tensor("extra." + std::to_string(i), {8});
  ExpectContradiction(many, "", {"40 tensors do not fit", "'extra.11'", "and 28 more"});
  const auto ignored = PlanFile(TinyModel().Tensor("blk.0.attn_rot_embd.weight", {8}));
  ASSERT_TRUE(ignored) << ignored.error().message;
  ASSERT_EQ(ignored->plan.warnings.size(), 1u);
  EXPECT_NE(ignored->plan.warnings[0].find("blk.0.attn_rot_embd.weight"), std::string::npos);
}

TEST(PlanModel, ABiasOfOneLayerIsMissedInTheOthers) {
  ExpectContradiction(TinyModel().Tensor("blk.0.attn_q.bias", {64}), "",
                      {"1 tensor does not fit", "missing 'blk.1.attn_q.bias' [64]\n"});
  TestGguf both = TinyModel();
  both.Tensor("blk.0.ffn_gate.bias", {96}).Tensor("blk.1.ffn_gate.bias", {96});
  const auto planned = PlanFile(both);
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_NE(planned->plan.Find(Slot::kFfnGateBias, 1), nullptr);
}

TEST(PlanModel, MisshapenTensorsAreNamed) {
  ExpectContradiction(
      TinyModel({.leave_out = "blk.1.ffn_down.weight"}).Tensor("blk.1.ffn_down.weight", {64, 96}),
      "", {"'blk.1.ffn_down.weight' has shape [64, 96]", "asks for [96, 64]"});
  ExpectContradiction(
      TinyModel({.leave_out = "output_norm.weight"}).Tensor("output_norm.weight", {64, 2}), "",
      {"'output_norm.weight' has shape [64, 2]", "asks for [64]"});
  ExpectContradiction(TinyModel().Tensor("rope_freqs.weight", {7}), "",
                      {"'rope_freqs.weight' has shape [7]", "[8]"});
  ExpectContradiction(TinyModel().U32("llama.block_count", 3), "",
                      {"missing 'blk.2.attn_norm.weight'"});
  ExpectContradiction(TinyModel().U32("llama.block_count", 1), "",
                      {"past the 1 that 'llama.block_count'"});
}

TEST(PlanModel, UnsupportedTypesAreNamed) {
  ExpectRefused(TinyModel({.leave_out = "blk.0.attn_q.weight"})
                    .Tensor("blk.0.attn_q.weight", {64, 64}, DType::kF64),
                ErrorCode::kUnsupported, "", {"'blk.0.attn_q.weight' is of type f64", "q4_k_m"});
  ExpectRefused(TinyModel({.leave_out = "output_norm.weight"})
                    .Tensor("output_norm.weight", {64}, DType::kQ8_0),
                ErrorCode::kUnsupported, "", {"'output_norm.weight' is of type q8_0", "f32"});
  for (const DType type :
       {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ4_0, DType::kQ5_0}) {
    EXPECT_TRUE(PlanFile(TinyModel({.matrix = type}))) << Info(type).name;
  }
}

TEST(PlanModel, RopeFactorsArePositive) {
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    TestGguf file = TinyModel();
    file.Tensor("rope_freqs.weight", {8}, DType::kF32, std::string(28, '\x3f') + TestGguf::Le(bad));
    ExpectContradiction(file, "", {"'rope_freqs.weight' holds", "positive"});
  }
}

}  // namespace
}  // namespace ingle
