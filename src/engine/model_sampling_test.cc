// Defaults that a model's files set, and where each comes from.

#include "engine/model_sampling.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ingle {
namespace {

Metadata Directory(std::initializer_list<std::pair<const std::string, MetadataValue>> values) {
  Metadata metadata;
  metadata.container = Container::kHuggingFace;
  metadata.values = {values.begin(), values.end()};
  return metadata;
}

std::string KeyOf(const ModelDefaults& defaults, std::string_view field) {
  const auto found = std::ranges::find(defaults.origins, field, &ModelDefault::field);
  return found == defaults.origins.end() ? "none" : found->key;
}

TEST(ModelDefaults, OfGguf) {
  Metadata metadata;
  metadata.values["general.sampling.temp"] = double{0.6f};
  metadata.values["general.sampling.top_k"] = int64_t{20};
  metadata.values["general.sampling.penalty_last_n"] = int64_t{-1};
  metadata.values["general.sampling.xtc_probability"] = 0.5;
  metadata.values["general.sampling.mirostat"] = int64_t{0};
  metadata.values["general.sampling.sequence"] = std::string("edkypmxt");
  const ModelDefaults defaults = FindModelDefaults(metadata);
  EXPECT_EQ(defaults.sampling.temperature, 0.6);
  EXPECT_EQ(defaults.sampling.top_k, 20);
  EXPECT_EQ(defaults.sampling.repeat_last_n, -1);
  EXPECT_EQ(KeyOf(defaults, "top_k"), "general.sampling.top_k");
  ASSERT_EQ(defaults.warnings.size(), 2u);
  EXPECT_NE(defaults.warnings[0].message.find("xtc_probability"), std::string::npos);
  EXPECT_NE(defaults.warnings[1].message.find("sequence"), std::string::npos);
}

TEST(ModelDefaults, OfADirectory) {
  ModelDefaults defaults = FindModelDefaults(Directory({
      {"generation_config.do_sample", true},
      {"generation_config.temperature", 0.7},
      {"generation_config.repetition_penalty", 1.05},
      {"generation_config.num_beams", int64_t{1}},
  }));
  EXPECT_EQ(defaults.sampling.temperature, 0.7);
  EXPECT_EQ(defaults.sampling.repeat_last_n, -1);  // The whole text, as the original's.
  EXPECT_EQ(KeyOf(defaults, "repeat_last_n"), "generation_config.repetition_penalty");
  EXPECT_TRUE(defaults.warnings.empty());
  defaults = FindModelDefaults(Directory({
      {"generation_config.do_sample", false},
      {"generation_config.temperature", 0.7},
      {"generation_config.repetition_penalty", 1.0},
  }));
  EXPECT_EQ(defaults.sampling.temperature, 0);
  EXPECT_EQ(KeyOf(defaults, "temperature"), "generation_config.do_sample");
  EXPECT_EQ(std::ranges::count(defaults.origins, "temperature", &ModelDefault::field), 1);
  EXPECT_FALSE(defaults.sampling.repeat_last_n);
}

TEST(ModelDefaults, WhatIsWrongIsNamedAndLeftOut) {
  const ModelDefaults defaults = FindModelDefaults(Directory({
      {"generation_config.do_sample", std::string("yes")},
      {"generation_config.temperature", std::string("hot")},
      {"generation_config.top_p", 3.0},
      {"generation_config.num_beams", int64_t{4}},
      {"generation_config.bad_words_ids.0", std::vector<int64_t>{1}},
  }));
  ASSERT_EQ(defaults.warnings.size(), 5u);
  for (const char* word : {"temperature", "top_p", "do_sample", "num_beams", "bad_words_ids"})
    EXPECT_TRUE(std::ranges::any_of(defaults.warnings, [&](const Warning& warning) {
      return warning.message.find(word) != std::string::npos;
    })) << word;
  EXPECT_TRUE(defaults.origins.empty());
}

TEST(ModelDefaults, DescribedWithTheirOrigin) {
  const json::object described =
      DescribeDefaults(FindModelDefaults(Directory({{"generation_config.top_k", int64_t{7}}})), {});
  EXPECT_EQ(json::serialize(described.at("top_k")),
            R"({"value":7,"origin":"model","key":"generation_config.top_k"})");
  EXPECT_EQ(json::serialize(described.at("repeat_last_n")), R"({"value":64,"origin":"built-in"})");
  EXPECT_EQ(described.size(), 9u);
}

TEST(ModelDefaults, ServerSettingsWin) {
  const ModelDefaults defaults = FindModelDefaults(Directory({
      {"generation_config.top_k", int64_t{7}},
      {std::string(kStopStringsKey), std::string("END")},
  }));
  SamplingRequest server;
  server.top_k = 3;
  const json::object described = DescribeDefaults(defaults, server);
  EXPECT_EQ(json::serialize(described.at("top_k")), R"({"value":3,"origin":"server"})");
  EXPECT_EQ(json::serialize(described.at("stop")),
            R"({"value":["END"],"origin":"model","key":"generation_config.stop_strings"})");
}

TEST(ModelDefaults, StopStringsAndLimits) {
  ModelDefaults defaults = FindModelDefaults(Directory({
      {std::string(kStopStringsKey), std::vector<std::string>{"a", "b"}},
      {"max_position_embeddings", int64_t{100}},
      {"generation_config.max_length", int64_t{100}},  // What the context allows anyway.
      {"generation_config.max_new_tokens", int64_t{99}},
  }));
  EXPECT_EQ(defaults.stop, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(defaults.warnings.size(), 1u);
  EXPECT_EQ(defaults.warnings[0].field, "max_tokens");
  EXPECT_NE(defaults.warnings[0].message.find("max_new_tokens is not used"), std::string::npos);
  for (const MetadataValue& wrong :
       {MetadataValue(int64_t{1}), MetadataValue(std::vector<std::string>{""})}) {
    defaults = FindModelDefaults(Directory({{std::string(kStopStringsKey), wrong}}));
    EXPECT_TRUE(defaults.stop.empty());
    ASSERT_EQ(defaults.warnings.size(), 1u);
    EXPECT_EQ(defaults.warnings[0].field, "stop");
  }
}

}  // namespace
}  // namespace ingle
