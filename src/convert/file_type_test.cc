#include "convert/file_type.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

MixFacts Facts(uint32_t layers, bool tied = false) {
  MixFacts facts{.architecture = "llama",
                 .layers = layers,
                 .heads = 8,
                 .kv_heads = 2,
                 .width = 256,
                 .tied = tied,
                 .v_layers = {}};
  for (uint32_t i = 0; i < layers; ++i) facts.v_layers.push_back(i);
  return facts;
}

std::string TypeOf(std::string_view file, const MixFacts& facts, std::string_view name,
                   uint64_t cols = 256) {
  const uint64_t dims[] = {cols, 8};
  return std::string(Info(ChooseType(*FindFileType(file), facts, name, dims).type).name);
}

TEST(FileType, NamesAndNumbers) {
  EXPECT_EQ(AllFileTypes().size(), 8u);
  EXPECT_EQ(FindFileType("q4_k_m")->number, 15u);
  EXPECT_EQ(FindFileType("bf16")->number, 32u);
  EXPECT_EQ(FindFileType("Q4_K"), nullptr);
  EXPECT_EQ(FileTypeOf(DType::kF16)->name, "F16");
  EXPECT_EQ(FileTypeOf(DType::kQ2_K), nullptr);
}

// llama.cpp's mix for 16 layers: the first two, the last two and every third between.
TEST(FileType, SomeLayersGetMoreBits) {
  const MixFacts facts = Facts(16);
  std::string values, downs;
  for (int i = 0; i < 16; ++i) {
    const std::string layer = "blk." + std::to_string(i);
    values += TypeOf("Q4_K_M", facts, layer + ".attn_v.weight") == "q6_k" ? '6' : '4';
    downs += TypeOf("Q5_K_M", facts, layer + ".ffn_down.weight") == "q6_k" ? '6' : '5';
  }
  EXPECT_EQ(values, "6644644644644666");
  EXPECT_EQ(downs, "6655655655655666");
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.attn_q.weight"), "q4_k");
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.attn_output.weight"), "q4_k");
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.ffn_up.weight"), "q4_k");
  EXPECT_EQ(TypeOf("Q6_K", facts, "blk.3.attn_v.weight"), "q6_k");
  EXPECT_EQ(TypeOf("Q4_0", facts, "blk.0.ffn_down.weight"), "q4_0");
  // Values are counted where they are: layer 9 is the last of those with attention.
  MixFacts few = Facts(10);
  few.v_layers = {2, 5, 9};
  EXPECT_EQ(TypeOf("Q4_K_M", few, "blk.9.attn_v.weight"), "q6_k");
  EXPECT_EQ(TypeOf("Q4_K_M", few, "blk.5.attn_v.weight"), "q4_k");
}

TEST(FileType, TheHeadGetsMoreBits) {
  EXPECT_EQ(TypeOf("Q4_K_M", Facts(4), "output.weight"), "q6_k");
  EXPECT_EQ(TypeOf("Q4_0", Facts(4), "output.weight"), "q6_k");
  EXPECT_EQ(TypeOf("Q8_0", Facts(4), "output.weight"), "q8_0");
  EXPECT_EQ(TypeOf("F16", Facts(4), "output.weight"), "f16");
  EXPECT_EQ(TypeOf("Q4_K_M", Facts(4), "token_embd.weight"), "q4_k");
  EXPECT_EQ(TypeOf("Q4_K_M", Facts(4, true), "token_embd.weight"), "q6_k");
  EXPECT_EQ(TypeOf("Q4_K_M", Facts(4, true), "token_embd.weight", 320), "q8_0");
}

TEST(FileType, RowsThatDoNotFillABlockFallBack) {
  const MixFacts facts = Facts(16);
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.attn_q.weight", 320), "q5_0");
  EXPECT_EQ(TypeOf("Q5_K_M", facts, "blk.0.attn_q.weight", 320), "q5_1");
  EXPECT_EQ(TypeOf("Q6_K", facts, "blk.0.attn_q.weight", 320), "q8_0");
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.ffn_down.weight", 320), "q8_0");
  EXPECT_EQ(TypeOf("Q4_K_M", facts, "blk.0.attn_q.weight", 40), "f16");
  EXPECT_EQ(TypeOf("Q8_0", facts, "blk.0.attn_q.weight", 40), "f16");
  const uint64_t dims[] = {40, 8};
  EXPECT_TRUE(ChooseType(*FindFileType("Q4_0"), facts, "x.weight", dims).fell_back);
  EXPECT_FALSE(ChooseType(*FindFileType("F16"), facts, "x.weight", dims).fell_back);
}

TEST(FileType, EightExpertsAndLargeModels) {
  MixFacts experts = Facts(16);
  experts.experts = 8;
  EXPECT_EQ(TypeOf("Q4_K_M", experts, "blk.4.attn_v.weight"), "q8_0");
  EXPECT_EQ(TypeOf("Q4_K_M", experts, "blk.4.attn_k.weight"), "q8_0");
  EXPECT_EQ(TypeOf("Q4_K_M", experts, "blk.4.attn_output.weight"), "q5_k");
  EXPECT_EQ(TypeOf("Q5_K_M", experts, "blk.4.attn_output.weight"), "q5_k");
  EXPECT_EQ(TypeOf("Q4_K_M", experts, "blk.0.ffn_down_exps.weight"), "q6_k");
  MixFacts large = Facts(80);
  EXPECT_EQ(TypeOf("Q4_K_M", large, "blk.10.attn_v.weight"), "q5_k");
  large.kv_heads = large.heads;
  EXPECT_EQ(TypeOf("Q4_K_M", large, "blk.10.attn_v.weight"), "q4_k");
  large.architecture = "qwen2";
  large.width = 8192;
  EXPECT_EQ(TypeOf("Q4_K_M", large, "blk.10.attn_v.weight"), "q5_k");
}

TEST(FileType, WhatIsNoMatrixIsLeftAlone) {
  const uint64_t vector[] = {64}, row[] = {64, 1}, matrix[] = {64, 8};
  EXPECT_FALSE(IsConvertible("blk.0.attn_q.weight", vector));
  EXPECT_FALSE(IsConvertible("blk.0.attn_q.weight", row));
  EXPECT_TRUE(IsConvertible("blk.0.attn_q.weight", matrix));
  for (const char* kept :
       {"blk.0.attn_q.bias", "blk.0.attn_norm.weight", "blk.0.ffn_gate_inp.weight",
        "position_embd.weight", "blk.0.shortconv.conv.weight"})
    EXPECT_FALSE(IsConvertible(kept, matrix)) << kept;
}

TEST(FileType, FactsComeFromKeysAndNames) {
  Metadata keys;
  EXPECT_FALSE(MixFactsOf(keys, {}));
  keys.values["general.architecture"] = std::string("lfm2");
  keys.values["lfm2.block_count"] = uint64_t{3};
  keys.values["lfm2.attention.head_count"] = uint64_t{4};
  keys.values["lfm2.attention.head_count_kv"] = std::vector<int64_t>{0, 2, -1};
  const GgufTensorEntry tensors[] = {{"output.weight", {64, 8}, DType::kF32},
                                     {"blk.2.attn_v.weight", {64, 8}, DType::kF32},
                                     {"blk.1.attn_qkv.weight", {64, 8}, DType::kF32},
                                     {"blk.x.attn_v.weight", {64, 8}, DType::kF32},
                                     {"blk.7", {64, 8}, DType::kF32}};
  const auto facts = MixFactsOf(keys, tensors);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->layers, 3u);
  EXPECT_EQ(facts->kv_heads, 2u);
  EXPECT_EQ(facts->experts, 0u);
  EXPECT_FALSE(facts->tied);
  EXPECT_EQ(facts->v_layers, (std::vector<uint32_t>{1, 2}));
  keys.values["lfm2.block_count"] = std::string("three");
  EXPECT_FALSE(MixFactsOf(keys, tensors));
}

}  // namespace
}  // namespace ingle
