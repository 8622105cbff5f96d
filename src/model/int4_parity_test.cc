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

// Both over the largest wanted magnitude.
struct Distance {
  double largest = 0, rms = 0;
};

Distance Between(const std::vector<float>& got, const std::vector<double>& want) {
  double largest = 0, magnitude = 0, squares = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double difference = std::abs(got[i] - want[i]);
    largest = std::max(largest, difference);
    magnitude = std::max(magnitude, std::abs(want[i]));
    squares += difference * difference;
  }
  return {largest / magnitude, std::sqrt(squares / static_cast<double>(want.size())) / magnitude};
}

void ExpectParity(const std::string& name) {
  const auto rounded = Golden(Directory(name) + "/rounded.f64");
  const auto exact = Golden(Directory(name) + "/exact.f64");
  const auto logits = Logits(name, 1, "");
  ASSERT_EQ(logits.size(), rounded.size()) << name;
  EXPECT_LE(Between(logits, rounded).largest, 1e-5) << name;
  EXPECT_LE(Between(logits, exact).rms, 0.01) << name;
  EXPECT_EQ(logits, Logits(name, 2, "")) << name;
  EXPECT_EQ(logits, Logits(name, 1, "portable")) << name;
}

TEST(Int4Parity, Gptq) { ExpectParity("gptq"); }
TEST(Int4Parity, GptqWithActOrder) { ExpectParity("gptq_act_order"); }
TEST(Int4Parity, GptqVersion2InOneGroup) { ExpectParity("gptq_v2"); }
TEST(Int4Parity, Awq) { ExpectParity("awq"); }

}  // namespace
}  // namespace ingle
