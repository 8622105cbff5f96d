// Every architecture from a directory to GGUF: the logits of transformers, the same bytes whatever
// the number of threads, and refusals that leave nothing.

#include "convert/convert.h"

#include "convert/model_keys.h"
#include "convert/test_model.h"
#include "engine/end_tokens.h"
#include "engine/model_sampling.h"
#include "files/model_files.h"
#include "formats/dequantize.h"
#include "model/model.h"
#include "model/test_base64.h"

namespace ingle {
namespace {

constexpr uint32_t kPositions[] = {0, 1, 2, 7, 8, 16, 17, 31, 32, 63, 64, 65, 100, 255, 256, 299};
constexpr uint32_t kTokens = 300;
constexpr double kRelativeMax = 1e-4;  // Of the largest |logit|.
// Windows that GGUF has no key for.
constexpr std::string_view kNotInGguf = "qwen2-window";

Result<ConvertReport> Convert(const TinyModel& model, const std::string& output,
                              std::string_view type = {}, uint32_t threads = 1,
                              bool replace = false) {
  return ConvertDirectory(
      model.path(), output,
      {.type = FindFileType(type), .replace = replace, .threads = threads, .progress = {}});
}

Result<ConvertReport> Quantize(const std::string& input, const std::string& output,
                               std::string_view type, bool again = false, uint32_t threads = 1) {
  return QuantizeFile(
      input, output,
      {.type = FindFileType(type), .allow_requantize = again, .threads = threads, .progress = {}});
}

Result<LoadedModel> Load(const std::string& path) {
  ModelOptions options;
  options.threads = 1;
  options.cache = CacheType::kF32;
  options.cache_tokens = 2048;
  return LoadModel(path, options);
}

std::string ErrorOf(const Result<ConvertReport>& result) {
  return result ? "(none)" : result.error().message;
}

class EveryArchitecture : public testing::TestWithParam<std::string> {};

TEST_P(EveryArchitecture, GivesTheLogitsOfTheOriginal) {
  const TinyModel tiny(GetParam());
  const std::string path = tiny.PathOf("out.gguf");
  const auto report = Convert(tiny, path);
  if (GetParam() == kNotInGguf) {
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find("which layers see a window"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(path));
    return;
  }
  ASSERT_TRUE(report) << report.error().message;
  const auto loaded = Load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto tokens = TinyTokens(kTokens);
  const auto sequence = loaded->model->NewSequence();
  std::vector<float> ours(kTokens * kTinyVocab);
  const Segment segment{sequence.get(), tokens, true, false};
  ASSERT_TRUE(loaded->model->Step({&segment, 1}, ours));
  const auto theirs = FloatsOfBase64(std::string_view(tiny.golden().at("logits").as_string()));
  ASSERT_EQ(theirs.size(), std::size(kPositions) * kTinyVocab);
  double error = 0, largest = 0;
  for (size_t i = 0; i < theirs.size(); ++i) {
    const size_t at = kPositions[i / kTinyVocab] * kTinyVocab + i % kTinyVocab;
    error = std::max(error, std::abs(double{theirs[i]} - ours[at]));
    largest = std::max(largest, std::abs(double{theirs[i]}));
  }
  std::printf("%-14s %.1e of the largest |logit|\n", GetParam().c_str(), error / largest);
  EXPECT_LE(error, kRelativeMax * largest);
}

// Convert to a type = convert, then quantise to it; and threads change nothing.
TEST_P(EveryArchitecture, TypesAndThreadsInAnyOrderGiveTheSameBytes) {
  if (GetParam() == kNotInGguf) return;
  const TinyModel tiny(GetParam());
  const std::string plain = tiny.PathOf("plain.gguf");
  ASSERT_TRUE(Convert(tiny, plain));
  for (const std::string_view type : {"BF16", "Q8_0", "Q4_K_M"}) {
    const std::string one = tiny.PathOf(type), two = one + "-2", three = one + "-3";
    const auto report = Convert(tiny, one, type, 1);
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_TRUE(Convert(tiny, two, type, 3));
    ASSERT_TRUE(Quantize(plain, three, type, false, 2));
    EXPECT_EQ(ReadBytes(one), ReadBytes(two)) << type;
    EXPECT_EQ(ReadBytes(one), ReadBytes(three)) << type;
    EXPECT_EQ(report->output_bytes, ReadBytes(one).size());
    EXPECT_TRUE(Load(one)) << type;
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& path : TinyDirectory::Goldens(kTinyGoldens)) names.push_back(path.stem());
  return names;
}
INSTANTIATE_TEST_SUITE_P(Tiny, EveryArchitecture, testing::ValuesIn(Names()),
                         [](const auto& info) { return TinyTestName(info.param); });

TEST(Convert, SaysWhatLlamaCppCannotRead) {
  const auto warnings = [](const std::string& name) {
    const TinyModel tiny(name);
    const auto report = Convert(tiny, tiny.PathOf("out.gguf"));
    EXPECT_TRUE(report) << report.error().message;
    return report ? report->warnings : std::vector<std::string>();
  };
  EXPECT_TRUE(warnings("llama-biases").empty());
  for (const std::string name : {"qwen3-biases", "smollm3-biases"}) {
    const auto said = warnings(name);
    ASSERT_EQ(said.size(), 1u) << name;
    EXPECT_NE(said[0].find("biases that llama.cpp does not know"), std::string::npos) << said[0];
  }
  const auto images = warnings("gemma3-multimodal");
  ASSERT_EQ(images.size(), 1u);
  EXPECT_NE(images[0].find("does not understand images"), std::string::npos) << images[0];
}

TEST(Convert, ReportsAndKeys) {
  const TinyModel tiny("lfm2moe");
  tiny.Write("generation_config.json",
             R"({"temperature":0.3,"top_k":50,"min_p":0.15,"repetition_penalty":1.05,)"
             R"("typical_p":0.9,"eos_token_id":[2,7,9,11],"num_beams":4,)"
             R"("stop_strings":["END"]})");
  tiny.Write("chat_template.jinja", "{{ messages }}");
  tiny.Write("additional_chat_templates/tool-use.jinja", "{{ tools }}");
  const auto report = Convert(tiny, tiny.PathOf("out.gguf"), "q8_0");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->file_type, "Q8_0");
  ASSERT_EQ(report->types.size(), 2u);
  EXPECT_EQ(report->types[0].type, "q8_0");
  ASSERT_EQ(report->warnings.size(), 2u);
  EXPECT_NE(
      report->warnings[0].find("llama.cpp does not look, so these do not end its answers: 11"),
      std::string::npos)
      << report->warnings[0];
  EXPECT_NE(report->warnings[1].find("num_beams"), std::string::npos);
  const auto files = OpenModelFiles(tiny.PathOf("out.gguf"));
  ASSERT_TRUE(files);
  const Metadata& keys = files->metadata();
  EXPECT_EQ(**keys.String("general.name"), "model");
  EXPECT_EQ(keys.Unsigned("general.file_type")->value(), 7u);
  EXPECT_EQ(keys.Unsigned("general.quantization_version")->value(), 2u);
  EXPECT_FLOAT_EQ(static_cast<float>(keys.Number("general.sampling.temp")->value()), 0.3f);
  EXPECT_EQ(*keys.Integers("general.sampling.top_k"), std::vector<int64_t>{50});
  EXPECT_FALSE(keys.Has("general.sampling.top_p"));
  EXPECT_EQ(**keys.String("tokenizer.chat_template"), "{{ messages }}");
  EXPECT_EQ(**keys.String("tokenizer.chat_template.tool-use"), "{{ tools }}");
  EXPECT_EQ(**keys.Strings("tokenizer.chat_templates"), std::vector<std::string>{"tool-use"});
  EXPECT_EQ(keys.Unsigned("tokenizer.ggml.eos_token_id")->value(), 2u);
  EXPECT_EQ(keys.Unsigned("tokenizer.ggml.eot_token_id")->value(), 7u);
  EXPECT_EQ(keys.Unsigned("tokenizer.ggml.eom_token_id")->value(), 9u);
  EXPECT_EQ(*keys.Integers(kEndTokensKey), (std::vector<int64_t>{2, 7, 9, 11}));
  EXPECT_EQ(ShortestDouble(keys.Number("generation_config.typical_p")->value()), 0.9);
  EXPECT_EQ(**keys.Strings(kStopStringsKey), std::vector<std::string>{"END"});
  EXPECT_EQ(*keys.Integers("general.sampling.penalty_last_n"), std::vector<int64_t>{-1});
  EXPECT_EQ(*keys.Integers("lfm2moe.attention.head_count_kv"), (std::vector<int64_t>{0, 2, 0, 2}));
}

TEST(Convert, SaysWhatLlamaCppLeavesOut) {
  const TinyModel mistral("mistral"), gemma("gemma3");
  const auto report = Convert(mistral, mistral.PathOf("out.gguf"));
  ASSERT_TRUE(report);
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_NE(report->warnings[0].find("sees 21 tokens at a time"), std::string::npos);
  EXPECT_TRUE(Convert(gemma, gemma.PathOf("out.gguf"))->warnings.empty());
}

// What a config can say and a GGUF file cannot is refused, by name.
TEST(Convert, RefusesWhatGgufCannotSay) {
  const auto refused = [](const char* name, const json::object& changed, std::string_view word) {
    const TinyModel tiny(name);
    tiny.WriteConfig(changed);
    const auto report = Convert(tiny, tiny.PathOf("out.gguf"));
    EXPECT_NE(ErrorOf(report).find(word), std::string::npos) << ErrorOf(report);
    EXPECT_FALSE(std::filesystem::exists(tiny.PathOf("out.gguf")));
  };
  refused("smollm3", {{"no_rope_layers", {1, 1, 1, 1}}}, "which layers rotate");
  refused("gemma3", {{"query_pre_attn_scalar", 8}}, "scale of attention");
  refused("qwen2-yarn",
          {{"rope_parameters",
            {{"rope_type", "yarn"},
             {"rope_theta", 10000.0},
             {"factor", 4.0},
             {"truncate", false},
             {"original_max_position_embeddings", 128}}}},
          "how positions are rotated");
}

// Ways of rotating that a file keeps in other words than a config.
TEST(Convert, KeepsYarnsMagnitude) {
  for (const json::object& more : {json::object{{"attention_factor", 1.5}},
                                   json::object{{"mscale", 1.0}, {"mscale_all_dim", 0.5}},
                                   json::object{{"beta_fast", 16.0}, {"beta_slow", 2.0}}}) {
    const TinyModel tiny("qwen2-yarn");
    json::object rope{{"rope_type", "yarn"},
                      {"rope_theta", 10000.0},
                      {"factor", 4.0},
                      {"original_max_position_embeddings", 128}};
    for (const auto& [key, value] : more) rope[key] = value;
    tiny.WriteConfig({{"rope_parameters", rope}});
    const auto report = Convert(tiny, tiny.PathOf("out.gguf"));
    EXPECT_TRUE(report) << ErrorOf(report);
  }
}

TEST(Convert, OutputsAndInputsThatAreRefused) {
  const TinyModel tiny("llama");
  const std::string out = tiny.PathOf("out.gguf");
  ASSERT_TRUE(Convert(tiny, out));
  const std::string before = ReadBytes(out);
  EXPECT_NE(ErrorOf(Convert(tiny, out, "Q8_0")).find("exists already"), std::string::npos);
  EXPECT_EQ(ReadBytes(out), before);
  ASSERT_TRUE(Convert(tiny, out, "Q8_0", 1, true));
  EXPECT_NE(ReadBytes(out), before);
  EXPECT_NE(ErrorOf(Convert(tiny, tiny.PathOf("no/such/folder"))).find("cannot write"),
            std::string::npos);
  EXPECT_NE(ErrorOf(ConvertDirectory(out, tiny.PathOf("x"), {})).find("ingle quantize"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Quantize(tiny.path(), tiny.PathOf("x"), "F16")).find("ingle convert"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Quantize(out, out, "F16")).find("is the model that is read"),
            std::string::npos);
  EXPECT_NE(ErrorOf(Quantize("/nonexistent", tiny.PathOf("x"), "F16")).find("does not exist"),
            std::string::npos);
}

TEST(Convert, GivingUpLeavesNothing) {
  const TinyModel tiny("llama");
  ConvertOptions options;
  options.progress = [](const std::string& tensor, uint64_t written, uint64_t total) {
    EXPECT_LE(written, total);
    return tensor != "blk.1.attn_v.weight";
  };
  const auto report = ConvertDirectory(tiny.path(), tiny.PathOf("out.gguf"), options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(tiny.PathOf(".")), {}), 1);
}

// A weight that is no number, or too large, is named and not written.
TEST(Convert, WeightsThatATypeCannotTake) {
  const TinyModel tiny("llama");
  std::string bytes = ReadBytes(tiny.path() + "/model.safetensors");
  const uint32_t large = 0x7149f2cau;  // 1e30f
  std::memcpy(bytes.data() + bytes.size() - 4, &large, sizeof(large));
  tiny.Write("model.safetensors", bytes);
  // The last tensor is a matrix or a norm; as F32 and BF16 everything can be kept.
  EXPECT_TRUE(Convert(tiny, tiny.PathOf("a"), "BF16"));
  const uint32_t nan = 0x7fc00000u;
  const auto files = OpenModelFiles(tiny.path());
  ASSERT_TRUE(files);
  const StoredTensor* head = files->FindTensor("lm_head.weight");
  ASSERT_NE(head, nullptr);
  std::memcpy(bytes.data() + head->offset + 65 * 4, &nan, sizeof(nan));
  tiny.Write("model.safetensors", bytes);
  const auto report = Convert(tiny, tiny.PathOf("b"), "Q8_0", 2);
  EXPECT_NE(ErrorOf(report).find("Tensor 'output.weight' holds in row 1 a weight"),
            std::string::npos)
      << ErrorOf(report);
  EXPECT_FALSE(std::filesystem::exists(tiny.PathOf("b")));
}

}  // namespace
}  // namespace ingle
