// Directories whose tensors and config.json disagree, or whose tensors have names of another kind.

#include <unistd.h>

#include "model/ignored_tensors.h"
#include "model/model.h"
#include "model/tiny_models.h"
#include "model/weights.h"

namespace ingle {
namespace {

constexpr char kGoldens[] = INGLE_SOURCE_DIR "/tests/parity/architectures/goldens";

class DirectoryWeights : public testing::Test {
 protected:
  DirectoryWeights()
      : folder_(std::filesystem::temp_directory_path() /
                ("ingle-weights-" + std::to_string(::getpid()))) {}
  ~DirectoryWeights() override { std::filesystem::remove_all(folder_); }

  static TinyDirectory Tiny(const std::string& name) {
    return TinyDirectory(std::filesystem::path(kGoldens) / (name + ".json"));
  }

  // changes: members of config.json; null removes one.
  template <class Rename>
  Result<std::vector<std::string>> WarningsOf(const std::string& name, const json::object& changes,
                                              const Rename& rename) {
    const TinyDirectory tiny = Tiny(name);
    json::object config = tiny.golden().at("config").as_object();
    for (const auto& [key, value] : changes) {
      if (value.is_null())
        config.erase(key);
      else
        config[key] = value;
    }
    tiny.WriteAs(folder_, config, rename);
    INGLE_TRY(const LoadedModel loaded, LoadModel(folder_.string(), ModelOptions{}));
    logits_.assign(kTinyVocab, 0);
    const auto sequence = loaded.model->NewSequence();
    const auto tokens = TinyTokens(9);
    const Segment segment{sequence.get(), tokens};
    INGLE_RETURN_IF_ERROR(loaded.model->Step({&segment, 1}, logits_));
    return loaded.warnings;
  }
  Result<std::vector<std::string>> WarningsOf(const std::string& name,
                                              const json::object& changes = {}) {
    return WarningsOf(name, changes, [](std::string_view tensor) { return std::string(tensor); });
  }

  void ExpectRefused(const Result<std::vector<std::string>>& result, const std::string& words) {
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find(words), std::string::npos) << result.error().message;
  }

  std::filesystem::path folder_;
  std::vector<float> logits_;  // Of the last token of a short text.
};

TEST_F(DirectoryWeights, BiasesAndTheirFlagsMustAgree) {
  for (const std::string name : {"llama-biases", "smollm3-biases", "qwen3-biases"}) {
    SCOPED_TRACE(name);
    EXPECT_TRUE(WarningsOf(name));
    ExpectRefused(WarningsOf(name, {{"attention_bias", false}}),
                  "'model.layers.0.self_attn.q_proj.bias' is there, but 'attention_bias' of "
                  "config.json is false");
    ExpectRefused(WarningsOf(name, {{"attention_bias", nullptr}}), "or is missing");
  }
  ExpectRefused(WarningsOf("llama-biases", {{"mlp_bias", false}}),
                "mlp.gate_proj.bias' is there, but 'mlp_bias'");
  ExpectRefused(WarningsOf("llama", {{"attention_bias", true}}),
                "missing 'model.layers.0.self_attn.q_proj.bias' [64], which 'attention_bias' asks");
  ExpectRefused(WarningsOf("llama", {{"mlp_bias", true}}), "which 'mlp_bias' asks for");
  ExpectRefused(WarningsOf("qwen3moe", {{"attention_bias", true}}), "which 'attention_bias' asks");
  ExpectRefused(WarningsOf("mistral", {{"attention_bias", true}}), "'attention_bias' is 1");
  // Qwen2 has biases on three projections whatever it says.
  EXPECT_TRUE(WarningsOf("qwen2", {{"attention_bias", true}}));
  EXPECT_TRUE(WarningsOf("qwen2", {{"attention_bias", false}}));
}

TEST(IgnoredTensors, BiasesOfZerosChangeNothing) {
  IgnoredTensors ignored(false);
  StoredTensor bias{.name = "model.layers.0.mlp.down_proj.bias"};
  std::byte values[8] = {};
  EXPECT_TRUE(ignored.Take(bias, values));
  values[7] = std::byte{1};
  EXPECT_FALSE(ignored.Take(bias, values));
  bias.name = "model.layers.0.mlp.down_proj.weight";
  values[7] = std::byte{0};
  EXPECT_FALSE(ignored.Take(bias, values));
  bias.name = "vision_tower.weight";
  EXPECT_FALSE(ignored.Take(bias, values));
  std::vector<std::string> warnings;
  ignored.AddWarnings(&warnings);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(warnings[0].starts_with("1 biases")) << warnings[0];
}

TEST_F(DirectoryWeights, TheBiasThatChoosesExpertsHasAFlag) {
  const auto without = [](std::string_view tensor) {
    return tensor.ends_with("expert_bias") ? std::string() : std::string(tensor);
  };
  ASSERT_TRUE(WarningsOf("lfm2moe"));
  const auto with_bias = logits_;
  ExpectRefused(WarningsOf("lfm2moe", {{"use_expert_bias", false}}), "'use_expert_bias'");
  ExpectRefused(WarningsOf("lfm2moe", {}, without), "which 'use_expert_bias' asks for");
  ASSERT_TRUE(WarningsOf("lfm2moe", {{"use_expert_bias", false}}, without));
  EXPECT_NE(logits_, with_bias);
}

TEST_F(DirectoryWeights, AHeadThatShouldBeTheEmbeddingIsNamed) {
  ASSERT_TRUE(WarningsOf("llama"));
  const auto own_head = logits_;
  const auto warnings = WarningsOf("llama", {{"tie_word_embeddings", true}});
  ASSERT_TRUE(warnings);
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_NE((*warnings)[0].find("'lm_head.weight' holds other values"), std::string::npos);
  EXPECT_EQ(logits_, own_head);
}

TEST_F(DirectoryWeights, IgnoredKeysAreNamed) {
  ASSERT_TRUE(WarningsOf("llama"));
  EXPECT_TRUE(WarningsOf("llama")->empty());
  const auto warnings = WarningsOf("llama", {{"colour", 1}, {"taste", {{"sweet", true}}}});
  ASSERT_TRUE(warnings);
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_EQ((*warnings)[0],
            "Keys of config.json that models of this class do not have were ignored: 'colour', "
            "'taste'.");
  json::object many;
  for (int i = 0; i < 20; ++i) many["colour" + std::to_string(i)] = i;
  const auto cut = WarningsOf("llama", many);
  ASSERT_TRUE(cut);
  EXPECT_NE((*cut)[0].find(" and 8 more."), std::string::npos) << (*cut)[0];
}

TEST_F(DirectoryWeights, OfAMultimodalModelTheLanguagePartIsLoaded) {
  const auto warnings = WarningsOf("gemma3-multimodal");
  ASSERT_TRUE(warnings) << warnings.error().message;
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_NE((*warnings)[0].find("does not understand images: 34 tensors"), std::string::npos);
  EXPECT_NE((*warnings)[0].find("'multi_modal_projector.mm_"), std::string::npos) << (*warnings)[0];
  const auto published = logits_;
  // As newer versions of transformers call them within.
  const auto renamed = [](std::string_view tensor) {
    constexpr std::string_view kLanguage = "language_model.model.";
    if (tensor.starts_with(kLanguage))
      return "model.language_model." + std::string(tensor.substr(kLanguage.size()));
    return "model." + std::string(tensor);
  };
  ASSERT_TRUE(WarningsOf("gemma3-multimodal", {}, renamed));
  EXPECT_EQ(logits_, published);
  const auto strange = [](std::string_view tensor) {
    return tensor.starts_with("vision_tower.") ? "audio_tower." + std::string(tensor)
                                               : std::string(tensor);
  };
  ExpectRefused(WarningsOf("gemma3-multimodal", {}, strange), "unknown 'audio_tower.");
  const auto plain = [](std::string_view tensor) {
    return tensor.starts_with("vision_tower.") ? std::string(tensor) : std::string();
  };
  ExpectRefused(WarningsOf("gemma3-multimodal", {}, plain),
                "missing 'language_model.model.embed_tokens.weight'");
}

}  // namespace
}  // namespace ingle
