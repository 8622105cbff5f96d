// Every key that transformers' classes have (config_keys.json, written by make_config_keys.py):
// what it does there it does here, or it is refused by name, or it is known to do nothing.

#include "model/config_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/json.h"

namespace ingle {
namespace {

constexpr char kKeys[] = INGLE_SOURCE_DIR "/tests/parity/architectures/config_keys.json";
using Values = std::map<std::string, MetadataValue, std::less<>>;

json::object Classes() {
  std::ifstream file(kKeys);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto parsed = ParseJson(text, kKeys);
  EXPECT_TRUE(parsed);
  return parsed ? parsed->as_object().at("classes").as_object() : json::object();
}

Metadata Config(std::string_view name, const Values& values = {}) {
  Metadata metadata;
  metadata.container = Container::kHuggingFace;
  metadata.values["architectures"] = std::vector<std::string>{std::string(name)};
  const std::string prefix = name.ends_with("ForConditionalGeneration") ? "text_config." : "";
  for (const auto& [key, value] : values) metadata.values.insert_or_assign(prefix + key, value);
  return metadata;
}

// So that keys which count only beside others do.
Values Beside(const json::object& keys, std::string_view name) {
  Values values;
  if (keys.contains("use_sliding_window")) values["use_sliding_window"] = true;
  if (name == "SmolLM3ForCausalLM") values["sliding_window"] = uint64_t{99};
  if (name != "Phi3ForCausalLM") return values;
  values["rope_scaling.type"] = "longrope";
  for (const char* factors : {"rope_scaling.short_factor", "rope_scaling.long_factor"})
    values[factors] = std::vector<double>(48, 1.5);
  return values;
}

// Another value than the class's own.
MetadataValue Other(std::string_view key, const json::value& own) {
  static const std::map<std::string, MetadataValue, std::less<>> kOthers = {
      {"block_multiple_of", uint64_t{513}},
      {"layer_types", std::vector<std::string>(36, "full_attention")},
      {"no_rope_layers", std::vector<uint64_t>(36, 0)},
      {"mlp_only_layers", std::vector<uint64_t>{0}},
      {"full_attn_idxs", std::vector<uint64_t>{1}},
      {"num_key_value_heads", uint64_t{1}},
      {"rope_parameters", 77.0},  // Its rope_theta.
      {"use_bidirectional_attention", true},
      {"use_sliding_window", false},  // Beside is true.
  };
  const auto found = kOthers.find(key);
  if (found != kOthers.end()) return found->second;
  if (own.is_bool()) return !own.as_bool();
  if (own.is_int64()) return uint64_t(own.as_int64() * 2 + (own.as_int64() == 0));
  if (own.is_double()) return own.as_double() / 2;
  return own.is_string() ? MetadataValue("relu") : MetadataValue(uint64_t{16});
}

bool IsAFlag(const Architecture& architecture, std::string_view key) {
  for (const auto& table : architecture.tensors)
    for (const TensorSpec& spec : table)
      if (spec.flag == key) return true;
  return false;
}

const ConfigKey* Find(const Architecture& architecture, std::string_view name) {
  for (const ConfigKey& key : architecture.config)
    if (key.name == name) return &key;
  return nullptr;
}

void ExpectSameDefault(const ConfigKey& key, const json::value& own) {
  // The embedding has as many rows as there are tokens; what is not a number is checked in
  // describe.
  if (key.name == "vocab_size" || own.is_string() || own.is_null()) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(key.fallback)) << key.name;
  } else if (own.is_bool()) {
    ASSERT_TRUE(std::holds_alternative<bool>(key.fallback)) << key.name;
    EXPECT_EQ(std::get<bool>(key.fallback), own.as_bool()) << key.name;
  } else if (own.is_int64()) {
    ASSERT_TRUE(std::holds_alternative<int64_t>(key.fallback)) << key.name;
    EXPECT_EQ(std::get<int64_t>(key.fallback), own.as_int64()) << key.name;
  } else {
    ASSERT_TRUE(std::holds_alternative<double>(key.fallback)) << key.name;
    EXPECT_EQ(std::get<double>(key.fallback), own.as_double()) << key.name;
  }
}

TEST(ConfigKeys, DefaultsAreThoseOfTheClass) {
  for (const auto& [name, keys] : Classes()) {
    SCOPED_TRACE(name);
    const auto architecture = FindArchitecture(Config(name));
    ASSERT_TRUE(architecture);
    for (const auto& [key, own] : keys.as_object()) {
      const std::string name_within =
          key == "rope_parameters" ? "rope_parameters.rope_theta" : std::string(key);
      EXPECT_NE(UseOfConfigKey(**architecture, name_within), ConfigUse::kUnknown) << key;
      if (const ConfigKey* ours = Find(**architecture, key)) ExpectSameDefault(*ours, own);
    }
    EXPECT_TRUE(DescribeModel(**architecture, Config(name)));
  }
}

TEST(ConfigKeys, EveryKeyDoesWhatItMust) {
  for (const auto& [name, keys] : Classes()) {
    const auto architecture = FindArchitecture(Config(name));
    ASSERT_TRUE(architecture);
    const Values beside = Beside(keys.as_object(), name);
    const auto base = DescribeModel(**architecture, Config(name, beside));
    ASSERT_TRUE(base) << name << ": " << base.error().message;
    for (const auto& [key, own] : keys.as_object()) {
      SCOPED_TRACE(std::string(name) + "." + std::string(key));
      Values changed = beside;
      const bool rope = key == "rope_parameters";
      changed[rope ? "rope_parameters.rope_theta" : std::string(key)] = Other(key, own);
      // Not of two kinds of layers, nor beside a rope_scaling.
      if (rope && (name.starts_with("Gemma3") || name == "Phi3ForCausalLM")) continue;
      const auto blueprint = DescribeModel(**architecture, Config(name, changed));
      const bool same = blueprint && *blueprint == *base;
      if (UseOfConfigKey(**architecture, key) == ConfigUse::kNoEffect)
        EXPECT_TRUE(same);
      else
        EXPECT_TRUE(!same || IsAFlag(**architecture, key));
    }
  }
}

TEST(ConfigKeys, WhatNoClassReadsIsNamed) {
  Metadata config = Config("LlamaForCausalLM", {{"sliding_window", uint64_t{7}},
                                                {"use_cache", true},
                                                {"rope_scaling.rope_type", "linear"},
                                                {"rope_scaling.factor", 2.0},
                                                {"rope_scaling.colour", 2.0},
                                                {"partial_rotary_factor", 0.5},
                                                {"transformers.js_config.dtype", "q4"},
                                                {"head.first", uint64_t{1}},
                                                {"head.second", uint64_t{1}},
                                                {"tokenizer_config.x", true}});
  const Architecture& llama = **FindArchitecture(config);
  const EffectiveConfig effective = ReadConfig(llama, config);
  EXPECT_EQ(effective.unknown, (std::vector<std::string>{"head", "partial_rotary_factor",
                                                         "rope_scaling.colour", "sliding_window"}));
  EXPECT_FALSE(effective.metadata.Has("sliding_window"));
  EXPECT_TRUE(effective.metadata.Has("rope_scaling.factor"));
  const Blueprint blueprint = *DescribeModel(llama, config);
  EXPECT_EQ(blueprint.layers[0].window, 0u);
  EXPECT_EQ(blueprint.rope.factor, 2.0);
}

// Whoever reads it: with another value the model would be another one.
TEST(ConfigKeys, WhatWouldChangeTheArithmeticIsRefused) {
  const std::pair<std::string, MetadataValue> kRefused[] = {
      {"clip_qkv", 8.0},
      {"lm_head_bias", true},
      {"use_mrope", true},
      {"full_attn_mod", uint64_t{2}},
      {"interpolate_factor", uint64_t{2}},
      {"is_encoder_decoder", true},
      {"attention_multiplier", 0.5},
      {"embedding_multiplier", 12.0},
      {"residual_multiplier", 0.2},
      {"logits_scaling", 8.0},
      {"n_shared_experts", uint64_t{1}},
      {"llama_4_scaling.beta", 0.1},
      {"conv_bias", true},
  };
  for (const auto& [key, value] : kRefused) {
    const Metadata config = Config("LlamaForCausalLM", {{key, value}});
    const auto blueprint = DescribeModel(**FindArchitecture(config), config);
    ASSERT_FALSE(blueprint) << key;
    EXPECT_EQ(blueprint.error().param, key);
    EXPECT_EQ(blueprint.error().code, ErrorCode::kUnsupported);
  }
}

TEST(ConfigKeys, NullIsNotTheDefault) {
  Metadata config = Config("MistralForCausalLM");
  const Architecture& mistral = **FindArchitecture(config);
  EXPECT_EQ(DescribeModel(mistral, config)->layers[0].window, 4096u);
  config.nulls.insert("sliding_window");
  EXPECT_EQ(DescribeModel(mistral, config)->layers[0].window, 0u);
}

TEST(ConfigKeys, OfAMultimodalModelItsTextConfigCounts) {
  Metadata config = Config("Gemma3ForConditionalGeneration",
                           {{"num_hidden_layers", uint64_t{12}}, {"colour", true}});
  config.values["num_hidden_layers"] = uint64_t{3};
  config.values["vision_config.num_hidden_layers"] = uint64_t{9};
  config.values["eos_token_id"] = uint64_t{9};
  const Architecture& gemma = **FindArchitecture(config);
  EXPECT_TRUE(IsMultimodal(gemma, config));
  EXPECT_FALSE(IsMultimodal(gemma, Config("Gemma3ForCausalLM")));
  EXPECT_EQ(DescribeModel(gemma, config)->layers.size(), 12u);
  EXPECT_EQ(ReadConfig(gemma, config).unknown,
            (std::vector<std::string>{"num_hidden_layers", "text_config.colour"}));
  config.values["text_config.hidden_size"] = uint64_t{0};
  const auto blueprint = DescribeModel(gemma, config);
  ASSERT_FALSE(blueprint);
  EXPECT_NE(blueprint.error().message.find("'hidden_size'"), std::string::npos);
  EXPECT_NE(blueprint.error().message.find("'text_config'"), std::string::npos);
}

TEST(ConfigKeys, RopeAsTransformersLooksForIt) {
  const auto rope = [](std::string_view name, const Values& values) {
    const Metadata config = Config(name, values);
    return DescribeModel(**FindArchitecture(config), config)->rope;
  };
  const Values both = {{"rope_scaling.type", "linear"},
                       {"rope_scaling.factor", 2.0},
                       {"rope_parameters.rope_type", "default"}};
  EXPECT_EQ(rope("LlamaForCausalLM", both).scaling, RopeScaling::kLinear);
  const Values llama3 = {{"rope_scaling.rope_type", "llama3"},
                         {"rope_scaling.factor", 8.0},
                         {"rope_scaling.low_freq_factor", 1.0},
                         {"rope_scaling.high_freq_factor", 4.0}};
  EXPECT_EQ(rope("LlamaForCausalLM", llama3).original_context, 2048u);
  Values twice = llama3;
  twice["rope_scaling.original_max_position_embeddings"] = uint64_t{256};
  EXPECT_EQ(rope("LlamaForCausalLM", twice).original_context, 256u);
  twice["original_max_position_embeddings"] = uint64_t{512};
  EXPECT_EQ(rope("LlamaForCausalLM", twice).original_context, 512u);
  const Values yarn = {{"rope_scaling.type", "yarn"},
                       {"rope_scaling.short_factor", std::vector<double>(48, 1.5)},
                       {"rope_scaling.long_factor", std::vector<double>(48, 1.5)}};
  EXPECT_EQ(rope("Phi3ForCausalLM", yarn).scaling, RopeScaling::kLongRope);
}

}  // namespace
}  // namespace ingle
