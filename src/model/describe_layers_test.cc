// What architectures beyond Llama say about their layers, rotation and experts, in both containers.

#include <gtest/gtest.h>

#include <cmath>

#include "model/architecture.h"

namespace ingle {
namespace {

using Values = std::map<std::string, MetadataValue, std::less<>>;

Metadata Hf(const std::string& name, const Values& values) {
  Metadata metadata;
  metadata.container = Container::kHuggingFace;
  metadata.values = {{"architectures", std::vector<std::string>{name}},
                     {"num_hidden_layers", uint64_t{4}},
                     {"hidden_size", uint64_t{64}},
                     {"intermediate_size", uint64_t{96}},
                     {"num_attention_heads", uint64_t{4}},
                     {"num_key_value_heads", uint64_t{2}},
                     {"max_position_embeddings", uint64_t{512}},
                     {"rms_norm_eps", 1e-6},
                     {"vocab_size", uint64_t{10}}};
  for (const auto& [key, value] : values) metadata.values.insert_or_assign(key, value);
  return metadata;
}

Metadata Gguf(const std::string& name, const Values& values) {
  Metadata metadata;
  metadata.values = {{"general.architecture", name},
                     {name + ".block_count", uint64_t{4}},
                     {name + ".embedding_length", uint64_t{64}},
                     {name + ".feed_forward_length", uint64_t{96}},
                     {name + ".attention.head_count", uint64_t{4}},
                     {name + ".attention.head_count_kv", uint64_t{2}},
                     {name + ".context_length", uint64_t{512}},
                     {name + ".attention.layer_norm_rms_epsilon", 1e-6}};
  for (const auto& [key, value] : values) metadata.values.insert_or_assign(name + "." + key, value);
  return metadata;
}

Result<Blueprint> Describe(const Metadata& metadata) {
  const auto architecture = FindArchitecture(metadata);
  if (!architecture) return std::unexpected(architecture.error());
  return (*architecture)->describe(metadata);
}

Blueprint Good(const Metadata& metadata) {
  const auto blueprint = Describe(metadata);
  EXPECT_TRUE(blueprint) << blueprint.error().message;
  return blueprint ? *blueprint : Blueprint{};
}

void ExpectRefusal(const Metadata& metadata, const std::string& key, const std::string& words) {
  const auto blueprint = Describe(metadata);
  ASSERT_FALSE(blueprint) << "accepted; expected " << key;
  EXPECT_EQ(blueprint.error().param, key) << blueprint.error().message;
  EXPECT_NE(blueprint.error().message.find(words), std::string::npos) << blueprint.error().message;
}

std::vector<uint32_t> Windows(const Blueprint& blueprint) {
  std::vector<uint32_t> windows;
  for (const LayerBlueprint& layer : blueprint.layers) windows.push_back(layer.window);
  return windows;
}

using Sizes = std::vector<uint32_t>;
using Names = std::vector<std::string>;

TEST(DescribeLayers, ArchitectureOfAConfig) {
  ExpectRefusal(Hf("MambaForCausalLM", {}), "architectures", "LlamaForCausalLM, Qwen2ForCausalLM");
  Metadata nameless = Hf("", {});
  nameless.values.erase("architectures");
  ExpectRefusal(nameless, "architectures", "missing");
  ExpectRefusal(Hf("LlamaForCausalLM", {{"hidden_act", "relu"}}), "hidden_act", "'relu'");
  ExpectRefusal(Hf("Gemma3ForCausalLM", {{"hidden_activation", "gelu"}}), "hidden_activation",
                "gelu_pytorch_tanh");
  ExpectRefusal(Hf("MistralForCausalLM", {{"attention_bias", true}}), "attention_bias", "is 1");
}

TEST(DescribeLayers, Windows) {
  const uint64_t window = 40;
  EXPECT_EQ(Windows(Good(Hf("MistralForCausalLM", {{"sliding_window", window}}))),
            (Sizes{40, 40, 40, 40}));
  EXPECT_EQ(Windows(Good(Hf("MistralForCausalLM", {}))), Sizes(4));
  EXPECT_EQ(Windows(Good(Hf("MistralForCausalLM", {{"sliding_window", uint64_t{512}}}))), Sizes(4));
  EXPECT_EQ(Windows(Good(Gguf("llama", {{"attention.sliding_window", window}}))),
            (Sizes{40, 40, 40, 40}));
  const Values qwen = {{"sliding_window", window}, {"max_window_layers", uint64_t{2}}};
  EXPECT_EQ(Windows(Good(Hf("Qwen2ForCausalLM", qwen))), (Sizes{0, 0, 40, 40}));
  Values off = qwen;
  off["use_sliding_window"] = false;
  EXPECT_EQ(Windows(Good(Hf("Qwen2ForCausalLM", off))), Sizes(4));
  Values types = {{"sliding_window", window},
                  {"layer_types", Names{"sliding_attention", "full_attention", "full_attention",
                                        "sliding_attention"}}};
  EXPECT_EQ(Windows(Good(Hf("Qwen2ForCausalLM", types))), (Sizes{40, 0, 0, 40}));
  types.erase("sliding_window");
  ExpectRefusal(Hf("Qwen2ForCausalLM", types), "sliding_window", "missing");
  ExpectRefusal(Hf("Qwen2ForCausalLM", {{"layer_types", Names{"full_attention"}}}), "layer_types",
                "lists 1 kinds for 4 layers");
  ExpectRefusal(Hf("Qwen2ForCausalLM", {{"layer_types", Names(4, "linear_attention")}}),
                "layer_types", "'linear_attention'");
}

TEST(DescribeLayers, Gemma) {
  const Blueprint gemma3 = Good(Gguf("gemma3", {{"attention.sliding_window", uint64_t{40}},
                                                {"attention.sliding_window_pattern", uint64_t{2}},
                                                {"rope.freq_base", 1e6}}));
  EXPECT_EQ(Windows(gemma3), (Sizes{40, 0, 40, 0}));
  EXPECT_TRUE(gemma3.layers[0].local_rope);
  EXPECT_FALSE(gemma3.layers[1].local_rope);
  EXPECT_EQ(gemma3.local_rope.theta, 10000.0);
  EXPECT_EQ(gemma3.rope.theta, 1e6);
  EXPECT_EQ(gemma3.embedding_scale, 8.0f);
  EXPECT_EQ(gemma3.attention_scale, 0.25f);
  const Blueprint hf = Good(Hf("Gemma3ForCausalLM", {{"query_pre_attn_scalar", uint64_t{64}},
                                                     {"final_logit_softcapping", 30.0},
                                                     {"rope_local_base_freq", 500.0}}));
  EXPECT_EQ(hf.attention_scale, 0.125f);
  EXPECT_EQ(hf.logit_softcap, 30.0f);
  EXPECT_EQ(hf.local_rope.theta, 500.0);
  const Blueprint largest = Good(Gguf("gemma2", {{"block_count", uint64_t{46}},
                                                 {"attention.key_length", uint64_t{32}},
                                                 {"attn_logit_softcapping", 50.0}}));
  EXPECT_EQ(largest.attention_scale, 0.25f);
  EXPECT_EQ(largest.attention_softcap, 50.0f);
  ExpectRefusal(
      Hf("Gemma3ForCausalLM", {{"rope_parameters.sliding_attention.rope_type", "linear"}}),
      "rope_parameters.sliding_attention.rope_type", "'linear'");
}

TEST(DescribeLayers, Convolutions) {
  const Values taps = {{"shortconv.l_cache", uint64_t{3}},
                       {"attention.head_count_kv", std::vector<uint64_t>{0, 2, 0, 2}}};
  const Blueprint gguf = Good(Gguf("lfm2", taps));
  EXPECT_EQ(gguf.layers[0].mixer, Mixer::kShortConvolution);
  EXPECT_EQ(gguf.layers[1].mixer, Mixer::kAttention);
  EXPECT_EQ(gguf.conv_taps, 3u);
  Values config = {{"conv_L_cache", uint64_t{3}}, {"full_attn_idxs", std::vector<uint64_t>{2}}};
  const Blueprint hf = Good(Hf("Lfm2ForCausalLM", config));
  EXPECT_EQ(hf.layers[0].mixer, Mixer::kShortConvolution);
  EXPECT_EQ(hf.layers[2].mixer, Mixer::kAttention);
  EXPECT_EQ(hf.ffn_dim, 256u);  // Two thirds of 96, rounded up to block_multiple_of.
  config["block_auto_adjust_ff_dim"] = false;
  config["block_ff_dim"] = uint64_t{128};
  EXPECT_EQ(Good(Hf("Lfm2ForCausalLM", config)).ffn_dim, 128u);
  config["conv_L_cache"] = uint64_t{1};
  ExpectRefusal(Hf("Lfm2ForCausalLM", config), "conv_L_cache", "at least 2 taps");
  ExpectRefusal(Gguf("lfm2", {}), "lfm2.shortconv.l_cache", "missing");
}

TEST(DescribeLayers, Experts) {
  const Values keys = {{"expert_count", uint64_t{8}},
                       {"expert_used_count", uint64_t{2}},
                       {"expert_feed_forward_length", uint64_t{32}},
                       {"leading_dense_block_count", uint64_t{1}}};
  const Blueprint moe = Good(Gguf("qwen3moe", keys));
  EXPECT_EQ(moe.layers[0].feed_forward, FeedForward::kGated);
  EXPECT_EQ(moe.layers[1].feed_forward, FeedForward::kExperts);
  EXPECT_FALSE(moe.experts.sigmoid);
  Values sigmoid = keys;
  sigmoid["expert_gating_func"] = uint64_t{2};
  EXPECT_TRUE(Good(Gguf("qwen3moe", sigmoid)).experts.sigmoid);
  sigmoid["expert_gating_func"] = uint64_t{3};
  ExpectRefusal(Gguf("qwen3moe", sigmoid), "qwen3moe.expert_gating_func", "is 3");
  const Values config = {{"num_experts", uint64_t{8}},
                         {"num_experts_per_tok", uint64_t{2}},
                         {"moe_intermediate_size", uint64_t{32}},
                         {"norm_topk_prob", false},
                         {"decoder_sparse_step", uint64_t{2}},
                         {"mlp_only_layers", std::vector<uint64_t>{3}}};
  const Blueprint hf = Good(Hf("Qwen3MoeForCausalLM", config));
  EXPECT_FALSE(hf.experts.normalise);
  for (size_t i = 0; i < 4; ++i)
    EXPECT_EQ(hf.layers[i].feed_forward == FeedForward::kExperts, i == 1) << i;
}

TEST(DescribeLayers, RopeOfAConfig) {
  const auto rope = [](const Values& values) { return Good(Hf("LlamaForCausalLM", values)).rope; };
  EXPECT_EQ(rope({{"rope_theta", 5e5}}).theta, 5e5);
  EXPECT_EQ(rope({{"rope_parameters.rope_theta", 7e5}}).theta, 7e5);
  EXPECT_EQ(rope({{"partial_rotary_factor", 0.5}}).dim, 8u);
  ExpectRefusal(Hf("LlamaForCausalLM", {{"partial_rotary_factor", 0.2}}), "partial_rotary_factor",
                "even");
  const Values llama3 = {{"rope_scaling.rope_type", "llama3"},
                         {"rope_scaling.factor", 8.0},
                         {"rope_scaling.original_max_position_embeddings", uint64_t{128}}};
  const RopeBlueprint bands = rope(llama3);
  EXPECT_EQ(bands.scaling, RopeScaling::kLlama3);
  const RopeTable table = MakeRopeTable(bands, {});
  EXPECT_DOUBLE_EQ(table.frequencies[0], 1.0);
  EXPECT_DOUBLE_EQ(table.frequencies[7], std::pow(10000.0, -14.0 / 16) / 8);
  Values wrong = llama3;
  wrong["rope_scaling.high_freq_factor"] = 0.5;
  ExpectRefusal(Hf("LlamaForCausalLM", wrong), "rope_scaling.high_freq_factor", "more than");
  ExpectRefusal(Hf("LlamaForCausalLM", {{"rope_scaling.type", "dynamic"}}), "rope_scaling.type",
                "'dynamic'");
  const Values yarn = {{"rope_scaling.rope_type", "yarn"}, {"rope_scaling.factor", 4.0}};
  EXPECT_EQ(rope(yarn).original_context, 512u);
  EXPECT_NEAR(MakeRopeTable(rope(yarn), {}).magnitude, 1 + 0.1 * std::log(4.0), 1e-12);
  Values given = yarn;
  given["rope_scaling.attention_factor"] = 1.5;
  EXPECT_EQ(MakeRopeTable(rope(given), {}).magnitude, 1.5);
  given.erase("rope_scaling.attention_factor");
  given["rope_scaling.mscale"] = given["rope_scaling.mscale_all_dim"] = 0.7;
  EXPECT_EQ(MakeRopeTable(rope(given), {}).magnitude, 1.0);
}

TEST(DescribeLayers, LongRope) {
  Values config = {{"rope_scaling.type", "su"},
                   {"original_max_position_embeddings", uint64_t{128}},
                   {"rope_scaling.short_factor", std::vector<double>(8, 1.0)},
                   {"rope_scaling.long_factor", std::vector<double>(8, 2.0)}};
  const RopeBlueprint rope = Good(Hf("Phi3ForCausalLM", config)).rope;
  EXPECT_EQ(rope.scaling, RopeScaling::kLongRope);
  EXPECT_EQ(rope.original_context, 128u);
  EXPECT_EQ(rope.long_factors, std::vector<float>(8, 2.0f));
  EXPECT_NEAR(rope.attention_factor, std::sqrt(1 + std::log(4.0) / std::log(128.0)), 1e-12);
  config["rope_scaling.long_factor"] = std::vector<double>(7, 2.0);
  ExpectRefusal(Hf("Phi3ForCausalLM", config), "rope_scaling.long_factor", "lists 7 factors for 8");
  config["rope_scaling.long_factor"] = std::vector<double>(8, -2.0);
  ExpectRefusal(Hf("Phi3ForCausalLM", config), "rope_scaling.long_factor", "positive");
  ExpectRefusal(Hf("LlamaForCausalLM", {{"rope_scaling.type", "longrope"}}), "rope_scaling.type",
                "'longrope'");
}

TEST(DescribeLayers, SmolLm3ListsItsLayers) {
  const Blueprint listed =
      Good(Hf("SmolLM3ForCausalLM", {{"no_rope_layers", std::vector<uint64_t>{1, 0, 1, 1}}}));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(listed.layers[i].rope == RopeStyle::kNone, i == 1) << i;
  ExpectRefusal(Hf("SmolLM3ForCausalLM", {{"no_rope_layers", std::vector<uint64_t>{1, 0, 1}}}),
                "no_rope_layers", "one value per layer");
}

}  // namespace
}  // namespace ingle
