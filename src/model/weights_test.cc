// What a model file may say about itself: every contradiction, missing, unknown or misshapen tensor
// is named. MF-11 and MF-13 of the catalogue of hostile model files.

#include "model/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "files/test_gguf.h"
#include "model/architecture.h"

namespace ingle {
namespace {

constexpr uint32_t kLayers = 2, kWidth = 64, kFfn = 96, kHeads = 4, kKvHeads = 2, kVocab = 10;

// A whole tiny model; options change one thing before it is written.
struct Options {
  std::string architecture = "llama";
  bool tied = true, biases = false, head_norms = false, rope_factors = false;
  DType matrix = DType::kF32;
  std::string leave_out = {};
};

TestGguf TinyModel(const Options& options = {}) {
  TestGguf file;
  const std::string a = options.architecture + ".";
  file.String("general.architecture", options.architecture);
  file.U32(a + "block_count", kLayers)
      .U32(a + "embedding_length", kWidth)
      .U32(a + "feed_forward_length", kFfn);
  file.U32(a + "attention.head_count", kHeads).U32(a + "attention.head_count_kv", kKvHeads);
  file.U32(a + "context_length", 128).F32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
  file.Strings("tokenizer.ggml.tokens", {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  const auto add = [&](const std::string& name, std::vector<uint64_t> dims, DType type,
                       std::string data = {}) {
    if (name != options.leave_out) file.Tensor(name, std::move(dims), type, std::move(data));
  };
  const uint64_t head = kWidth / kHeads, keys = kKvHeads * head;
  add("token_embd.weight", {kWidth, kVocab}, options.matrix);
  add("output_norm.weight", {kWidth}, DType::kF32);
  if (!options.tied) add("output.weight", {kWidth, kVocab}, options.matrix);
  std::string ones;
  for (uint64_t i = 0; i < head / 2; ++i) ones += TestGguf::Le(1.0f + static_cast<float>(i));
  if (options.rope_factors) add("rope_freqs.weight", {head / 2}, DType::kF32, ones);
  for (uint32_t i = 0; i < kLayers; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    add(b + "attn_norm.weight", {kWidth}, DType::kF32);
    add(b + "ffn_norm.weight", {kWidth}, DType::kF32);
    add(b + "attn_q.weight", {kWidth, kWidth}, options.matrix);
    add(b + "attn_k.weight", {kWidth, keys}, options.matrix);
    add(b + "attn_v.weight", {kWidth, keys}, options.matrix);
    add(b + "attn_output.weight", {kWidth, kWidth}, options.matrix);
    add(b + "ffn_gate.weight", {kWidth, kFfn}, options.matrix);
    add(b + "ffn_up.weight", {kWidth, kFfn}, options.matrix);
    add(b + "ffn_down.weight", {kFfn, kWidth}, options.matrix);
    if (options.biases) {
      add(b + "attn_q.bias", {kWidth}, DType::kF32);
      add(b + "attn_k.bias", {keys}, DType::kF32);
      add(b + "attn_v.bias", {keys}, DType::kF32);
    }
    if (options.head_norms) {
      add(b + "attn_q_norm.weight", {head}, DType::kF32);
      add(b + "attn_k_norm.weight", {head}, DType::kF32);
    }
  }
  return file;
}

struct Planned {
  GgufFile file;
  ModelPlan plan;
};

Result<Planned> PlanBytes(const std::string& bytes) {
  const TestFile on_disk(bytes);
  INGLE_TRY(GgufFile file, OpenGguf(on_disk.path()));
  Planned planned;
  planned.file = std::move(file);
  INGLE_TRY(planned.plan, PlanModel(planned.file));
  return planned;
}

Result<Planned> PlanFile(const TestGguf& file) { return PlanBytes(file.Bytes()); }

// Expects a refusal that holds every one of the words and names `key` (unless it is empty).
void ExpectRefused(const TestGguf& file, ErrorCode code, const std::string& key,
                   std::vector<std::string> words) {
  const auto planned = PlanFile(file);
  ASSERT_FALSE(planned) << "accepted; expected " << key;
  EXPECT_EQ(planned.error().code, code) << planned.error().message;
  EXPECT_EQ(planned.error().param, key) << planned.error().message;
  if (code == ErrorCode::kCorruptFile) {
    EXPECT_EQ(planned.error().id, "invalid_model_file");
  }
  if (!key.empty()) words.push_back("'" + key + "'");
  for (const std::string& word : words) {
    EXPECT_NE(planned.error().message.find(word), std::string::npos)
        << planned.error().message << "\nlacks " << word;
  }
}

void ExpectContradiction(const TestGguf& file, const std::string& key,
                         std::vector<std::string> words = {}) {
  ExpectRefused(file, ErrorCode::kCorruptFile, key, std::move(words));
}

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
  EXPECT_EQ(ReadFloats(tied->plan.Find(Slot::kRopeFactors)->view)[3], 4.0f);
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
}

TEST(PlanModel, UnknownTensorsAreNamed) {
  ExpectContradiction(TinyModel().Tensor("blk.0.attn_gate.weight", {64}), "",
                      {"unknown 'blk.0.attn_gate.weight'", "'llama'", "wrong answers"});
  ExpectContradiction(TinyModel().Tensor("blk.0.attn_q.bias", {64}), "",
                      {"unknown 'blk.0.attn_q.bias'"});
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
                    .Tensor("blk.0.attn_q.weight", {64, 64}, DType::kIQ4_NL),
                ErrorCode::kUnsupported, "", {"'blk.0.attn_q.weight' is of type iq4_nl", "q4_k_m"});
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
  ExpectRefused(TinyModel().U32("llama.attention.sliding_window", 64), ErrorCode::kUnsupported,
                "llama.attention.sliding_window", {"is 64"});
  EXPECT_TRUE(PlanFile(TinyModel().U32("llama.attention.sliding_window", 128)));
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
