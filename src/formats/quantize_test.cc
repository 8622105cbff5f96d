#include "formats/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "formats/dequantize.h"
#include "formats/half.h"

namespace ingle {
namespace {

constexpr uint32_t kCols = 512;

// Goldens by the gguf package and llama.cpp: tests/parity/formats/make_quantize_goldens.py.
struct Goldens {
  struct Blocks {
    DType type;
    std::vector<std::byte> bytes;
  };
  std::vector<float> weights;
  std::vector<Blocks> types;

  Goldens() {
    std::ifstream file(INGLE_SOURCE_DIR "/src/formats/testdata/quantize.bin", std::ios::binary);
    uint32_t rows = 0, head[2] = {};
    file.read(reinterpret_cast<char*>(&rows), sizeof(rows));
    weights.resize(size_t{rows} * kCols);
    file.read(reinterpret_cast<char*>(weights.data()),
              static_cast<std::streamsize>(weights.size() * sizeof(float)));
    while (file.read(reinterpret_cast<char*>(head), sizeof(head))) {
      types.push_back({FindDType(head[0])->type, std::vector<std::byte>(head[1])});
      file.read(reinterpret_cast<char*>(types.back().bytes.data()), head[1]);
    }
  }
};

std::vector<std::byte> Quantized(DType type, std::span<const float> weights) {
  const DTypeInfo& info = Info(type);
  // One byte further than an aligned start: nobody promises alignment.
  std::vector<std::byte> out(weights.size() / info.block_weights * info.block_bytes + 1);
  FindQuantize(type)(weights.data(), weights.size(), out.data() + 1);
  out.erase(out.begin());
  return out;
}

std::vector<float> Read(DType type, const std::vector<std::byte>& blocks, size_t weights) {
  std::vector<float> values(weights);
  FindDequantize(type)(blocks.data(), weights, values.data());
  return values;
}

double Error(std::span<const float> values, std::span<const float> weights) {
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i)
    sum += (double{values[i]} - weights[i]) * (double{values[i]} - weights[i]);
  return std::sqrt(sum / static_cast<double>(weights.size()));
}

bool IsSearched(DType type) {
  return type == DType::kQ4_K || type == DType::kQ5_K || type == DType::kQ6_K;
}

TEST(Quantize, SmallBlocksAndHalvesEqualTheGgufPackage) {
  const Goldens goldens;
  ASSERT_EQ(goldens.weights.size(), 14 * kCols);
  int compared = 0;
  for (const auto& [type, bytes] : goldens.types) {
    if (IsSearched(type)) continue;
    EXPECT_EQ(Quantized(type, goldens.weights), bytes) << Info(type).name;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

TEST(Quantize, SuperBlocksAreAsExactAsThoseOfLlamaCpp) {
  const Goldens goldens;
  int compared = 0;
  for (const auto& [type, bytes] : goldens.types) {
    if (!IsSearched(type)) continue;
    const auto ours = Read(type, Quantized(type, goldens.weights), goldens.weights.size());
    const auto theirs = Read(type, bytes, goldens.weights.size());
    for (size_t row = 0; row < goldens.weights.size(); row += kCols) {
      const auto weights = std::span(goldens.weights).subspan(row, kCols);
      EXPECT_LE(Error(std::span(ours).subspan(row, kCols), weights),
                1.02 * Error(std::span(theirs).subspan(row, kCols), weights))
          << Info(type).name << " row " << row / kCols;
    }
    ++compared;
  }
  EXPECT_EQ(compared, 3);
}

TEST(Quantize, F32IsCopied) {
  const std::vector<float> weights{1.0f, -0.0f, 1e-42f, std::numeric_limits<float>::max()};
  const auto bytes = Quantized(DType::kF32, weights);
  EXPECT_EQ(std::memcmp(bytes.data(), weights.data(), bytes.size()), 0);
  EXPECT_EQ(FindQuantize(DType::kQ2_K), nullptr);
}

TEST(Quantize, F16RoundsEveryValueBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = F16ToF32(static_cast<uint16_t>(bits));
    const uint16_t back = F32ToF16(value);
    if (std::isnan(value))
      EXPECT_TRUE(std::isnan(F16ToF32(back)));
    else
      EXPECT_EQ(back, bits);
  }
  EXPECT_EQ(F32ToF16(65519.996f), 0x7bff);
  EXPECT_EQ(F32ToF16(65520.0f), 0x7c00);  // Infinity.
  EXPECT_EQ(F32ToF16(-1e30f), 0xfc00);
  EXPECT_EQ(F32ToF16(std::ldexp(1.0f, -25)), 0);  // A tie: the even one.
  EXPECT_EQ(F32ToF16(std::nextafter(std::ldexp(1.0f, -25), 1.0f)), 1);
  EXPECT_EQ(F32ToF16(1e-30f), 0);
  EXPECT_EQ(F32ToF16(1.0f + std::ldexp(1.0f, -11)), 0x3c00);
  EXPECT_EQ(F32ToF16(1.0f + 3 * std::ldexp(1.0f, -11)), 0x3c02);
}

// The least subnormal: 1 / scale is infinite, and so is the scale's own inverse.
TEST(Quantize, WeightsTooSmallForAScaleBecomeZero) {
  std::vector<float> weights(256, 0.0f);
  for (size_t i = 0; i < weights.size(); i += 5) weights[i] = 1e-44f;
  weights[7] = -3e-39f;
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ5_0, DType::kQ5_1, DType::kQ4_K,
                           DType::kQ5_K, DType::kQ6_K}) {
    for (const float value : Read(type, Quantized(type, weights), weights.size()))
      EXPECT_EQ(value, 0.0f) << Info(type).name;
  }
}

TEST(Quantize, TheLargestWeightsFit) {
  std::vector<float> weights(256);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = i % 3 == 0 ? -65504.0f : 65504.0f;
  for (const DType type : {DType::kQ8_0, DType::kQ4_0, DType::kQ5_0, DType::kQ5_1, DType::kQ4_K,
                           DType::kQ5_K, DType::kQ6_K}) {
    EXPECT_EQ(FindUnquantizable(type, weights), weights.size());
    const auto values = Read(type, Quantized(type, weights), weights.size());
    for (size_t i = 0; i < weights.size(); ++i)
      EXPECT_NEAR(values[i], weights[i], 65504.0f / 6) << Info(type).name;
  }
}

TEST(Quantize, FindsWhatDoesNotFit) {
  std::vector<float> weights(32, 1.0f);
  weights[9] = std::numeric_limits<float>::quiet_NaN();
  weights[4] = 70000.0f;
  EXPECT_EQ(FindUnquantizable(DType::kQ8_0, weights), 4u);
  EXPECT_EQ(FindUnquantizable(DType::kF16, std::span(weights).subspan(5)), 4u);
  EXPECT_EQ(FindUnquantizable(DType::kBF16, weights), weights.size());
  EXPECT_EQ(FindUnquantizable(DType::kF32, weights), weights.size());
}

}  // namespace
}  // namespace ingle
