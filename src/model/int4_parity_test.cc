// Directories in GPTQ's and AWQ's forms against a float64 reference:
// tests/parity/quantized/make_model_goldens.py.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/model.h"

namespace ingle {
namespace {

constexpr int32_t kTokens[] = {1, 7, 30, 2, 2, 45, 19, 8};

std::string Directory(const std::string& name) {
  return INGLE_SOURCE_DIR "/src/model/testdata/int4/" + name;
}

std::vector<double> Golden(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(double));
  return values;
}

std::vector<float> Logits(const std::string& name, uint32_t threads, const std::string& isa) {
  auto loaded =
      LoadModel(Directory(name), {.threads = threads, .cache = CacheType::kF32, .force_isa = isa});
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message);
  if (!loaded) return {};
  Model& model = *loaded->model;
  const auto sequence = model.NewSequence();
  std::vector<float> logits(std::size(kTokens) * model.info().vocab);
  EXPECT_TRUE(model.Reserve(*sequence, std::size(kTokens)));
  const Segment segment{.sequence = sequence.get(), .tokens = kTokens, .all_logits = true};
  EXPECT_TRUE(model.Step(std::span(&segment, 1), logits));
  return logits;
}

// The largest difference over the largest wanted magnitude.
double Distance(const std::vector<float>& got, const std::vector<double>& want) {
  double largest = 0, magnitude = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    largest = std::max(largest, std::abs(got[i] - want[i]));
    magnitude = std::max(magnitude, std::abs(want[i]));
  }
  return largest / magnitude;
}

// The reference with rounded inputs, and plain floats: inputs in three parts give the same.
void ExpectParity(const std::string& name) {
  SCOPED_TRACE(name);
  const auto rounded = Golden(Directory(name) + "/rounded.f64");
  const auto exact = Golden(Directory(name) + "/exact.f64");
  const auto logits = Logits(name, 1, "");
  ASSERT_FALSE(rounded.empty());
  ASSERT_EQ(logits.size(), rounded.size());
  EXPECT_LE(Distance(logits, rounded), 1e-5);
  const double error = Distance(logits, exact);
  EXPECT_LE(error, 1e-5);
  ::testing::Test::RecordProperty("error_against_floats_" + name,
                                  std::to_string(error * 1e9) + "e-9");
  EXPECT_EQ(logits, Logits(name, 2, ""));
  EXPECT_EQ(logits, Logits(name, 1, "portable"));
}

void ExpectParityOfAllSeeds(const std::string& name) {
  for (const char* seed : {"", "_1", "_2"}) ExpectParity(name + seed);
}

TEST(Int4Parity, Gptq) { ExpectParityOfAllSeeds("gptq"); }
TEST(Int4Parity, GptqWithActOrder) { ExpectParityOfAllSeeds("gptq_act_order"); }
TEST(Int4Parity, GptqVersion2InOneGroup) { ExpectParityOfAllSeeds("gptq_v2"); }
TEST(Int4Parity, Awq) { ExpectParityOfAllSeeds("awq"); }

}  // namespace
}  // namespace ingle
