// Logits against goldens made by llama.cpp and by a float64 reference that shares no code with
// ours: tests/parity/logits/make_goldens.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>

#include "base/json.h"
#include "model/model.h"
#include "model/recipe_model.h"
#include "model/test_base64.h"

namespace ingle {
namespace {

constexpr double kLogProbabilityMax = 1e-4;  // Against llama.cpp, F32 weights and F32 cache.
constexpr double kRelativeMax = 1e-5;        // Against the reference, of its largest |logit|.

const json::object& Goldens() {
  static const json::value goldens = [] {
    std::ifstream file(INGLE_SOURCE_DIR "/src/model/testdata/logits.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto parsed = ParseJson(text, "goldens");
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *std::move(parsed) : json::value(json::object());
  }();
  return goldens.as_object();
}

std::string Checksum(const std::string& bytes) {
  uint64_t value = 0xCBF29CE484222325u;
  for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    value = (value ^ word) * 0x100000001B3u;
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

RecipeModel RecipeOf(const json::object& golden) {
  const json::object& fields = golden.at("model").as_object();
  const auto number = [&](std::string_view key) { return fields.at(key).to_number<uint32_t>(); };
  const auto real = [&](std::string_view key) { return fields.at(key).to_number<float>(); };
  RecipeModel model;
  model.arch = fields.at("arch").as_string();
  for (uint32_t type = 0; type < 64; ++type) {
    const auto info = FindDType(type);
    if (info && info->name == std::string_view(fields.at("type").as_string()))
      model.type = info->type;
  }
  model.layers = number("layers"), model.width = number("width"), model.ffn = number("ffn");
  model.heads = number("heads"), model.kv_heads = number("kv_heads"),
  model.head_dim = number("head_dim");
  model.vocab = number("vocab"), model.context = number("context"), model.seed = number("seed");
  model.theta = real("theta"), model.yarn = real("yarn"), model.linear = real("linear");
  model.tied = fields.at("tied").as_bool(),
  model.rope_factors = fields.at("rope_factors").as_bool();
  return model;
}

struct Case {
  std::string name;
  uint32_t vocab = 0;
  std::vector<float> ours = {}, reference = {}, llama_cpp = {};  // [positions, vocab]
};

// Runs the golden's model over its tokens, in one step, and picks the golden's positions.
Case RunGolden(const json::object& golden, CacheType cache) {
  Case result{.name = std::string(golden.at("name").as_string())};
  const RecipeModel recipe = RecipeOf(golden);
  result.vocab = recipe.vocab;
  const std::string bytes = recipe.Bytes();
  EXPECT_EQ(Checksum(bytes), std::string_view(golden.at("checksum").as_string()))
      << result.name << ": the recipe here and in make_models.py differ";
  const TestFile file(bytes);
  ModelOptions options;
  options.threads = 2;
  options.cache = cache;
  auto loaded = LoadModel(file.path(), options);
  EXPECT_TRUE(loaded) << result.name << ": " << loaded.error().message;
  if (!loaded) return result;
  const std::vector<int32_t> tokens = recipe.Tokens(golden.at("tokens").to_number<uint32_t>());
  const auto sequence = loaded->model->NewSequence();
  std::vector<float> all(tokens.size() * recipe.vocab);
  const auto reserved = loaded->model->Reserve(*sequence, static_cast<uint32_t>(tokens.size()));
  EXPECT_TRUE(reserved) << (reserved ? "" : reserved.error().message);
  Segment segment;
  segment.sequence = sequence.get();
  segment.tokens = tokens;
  segment.all_logits = true;
  const auto stepped = loaded->model->Step({&segment, 1}, all);
  EXPECT_TRUE(stepped) << (stepped ? "" : stepped.error().message);
  for (const json::value& position : golden.at("positions").as_array()) {
    const auto row = all.begin() + position.to_number<int64_t>() * recipe.vocab;
    result.ours.insert(result.ours.end(), row, row + recipe.vocab);
  }
  result.reference = FloatsOfBase64(std::string_view(golden.at("reference").as_string()));
  result.llama_cpp = FloatsOfBase64(std::string_view(golden.at("llama_cpp").as_string()));
  EXPECT_EQ(result.reference.size(), result.ours.size());
  EXPECT_EQ(result.llama_cpp.size(), result.ours.size());
  return result;
}

std::vector<double> LogProbabilities(const std::vector<float>& logits, uint32_t vocab) {
  std::vector<double> result(logits.begin(), logits.end());
  for (auto row = result.begin(); row != result.end(); row += vocab) {
    const double largest = *std::max_element(row, row + vocab);
    double sum = 0;
    for (uint32_t i = 0; i < vocab; ++i) sum += std::exp(row[i] - largest);
    for (uint32_t i = 0; i < vocab; ++i) row[i] -= largest + std::log(sum);
  }
  return result;
}

double RootMeanSquare(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

TEST(Parity, F32EqualsLlamaCppAndTheReference) {
  const json::array& goldens = Goldens().at("exact").as_array();
  ASSERT_GE(goldens.size(), 12u);
  for (const json::value& golden : goldens) {
    const Case one = RunGolden(golden.as_object(), CacheType::kF32);
    ASSERT_EQ(one.ours.size(), one.reference.size()) << one.name;
    const auto ours = LogProbabilities(one.ours, one.vocab),
               theirs = LogProbabilities(one.llama_cpp, one.vocab);
    double apart = 0, error = 0, largest = 0;
    for (size_t i = 0; i < ours.size(); ++i) {
      apart = std::max(apart, std::abs(ours[i] - theirs[i]));
      error = std::max(error, std::abs(double{one.ours[i]} - one.reference[i]));
      largest = std::max(largest, std::abs(double{one.reference[i]}));
    }
    std::printf("%-18s log-probabilities %.1e from llama.cpp's, logits %.1e of the largest\n",
                one.name.c_str(), apart, error / largest);
    EXPECT_LE(apart, kLogProbabilityMax) << one.name;
    EXPECT_LE(error, kRelativeMax * largest) << one.name;
  }
}

TEST(Parity, ErrorsOfStoredTypesAreNoLargerThanLlamaCpps) {
  struct Sum {
    double ours = 0, f32_cache = 0, llama_cpp = 0;
  };
  std::map<std::string, Sum> sums;
  for (const json::value& golden : Goldens().at("quantised").as_array()) {
    const Case one = RunGolden(golden.as_object(), CacheType::kAuto);
    ASSERT_EQ(one.ours.size(), one.reference.size()) << one.name;
    Sum& sum = sums[one.name.substr(0, one.name.find('-'))];
    sum.ours += RootMeanSquare(one.ours, one.reference);
    sum.llama_cpp += RootMeanSquare(one.llama_cpp, one.reference);
    sum.f32_cache +=
        RootMeanSquare(RunGolden(golden.as_object(), CacheType::kF32).ours, one.reference);
  }
  EXPECT_EQ(sums.size(), 8u);
  for (const auto& [type, sum] : sums) {
    std::printf("%-5s error %.2e, llama.cpp %.2e: ratio %.2f, with an F32 cache %.2f\n",
                type.c_str(), sum.ours / 4, sum.llama_cpp / 4, sum.ours / sum.llama_cpp,
                sum.f32_cache / sum.llama_cpp);
    EXPECT_LE(sum.ours, (type == "bf16" ? 1.6 : 1.25) * sum.llama_cpp) << type;
    EXPECT_LE(sum.f32_cache, 1.25 * sum.llama_cpp) << type;
  }
}

}  // namespace
}  // namespace ingle
