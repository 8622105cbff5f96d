#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <vector>

#include "formats/blocks.h"
#include "formats/dequantize.h"
#include "formats/dtype.h"
#include "formats/half.h"

namespace ingle {
namespace {

TEST(DType, NumbersNamesAndSizes) {
  EXPECT_EQ(FindDType(12)->name, "q4_k");
  EXPECT_EQ(FindDType(12)->block_bytes, sizeof(BlockQ4_K));
  EXPECT_EQ(FindDType(30)->name, "bf16");
  EXPECT_EQ(Info(DType::kQ6_K).block_bytes, sizeof(BlockQ6_K));
  for (const uint32_t unknown :
       {4u, 5u, 31u, 32u, 33u, 36u, 38u, 40u, 128u, 134u, 0x7fffffffu, 0xffffffffu}) {
    EXPECT_FALSE(FindDType(unknown)) << unknown;
  }
  EXPECT_EQ(Info(DType::kF8E5M2).name, "f8_e5m2");
  for (uint32_t number = 0; number < 64; ++number) {
    const auto info = FindDType(number);
    if (!info) continue;
    EXPECT_EQ(static_cast<uint32_t>(info->type), number);
    EXPECT_EQ(Info(info->type).name, info->name);
    EXPECT_GE(info->block_weights, 1u);
    EXPECT_GE(info->block_bytes, 1u);
  }
}

TEST(Half, F16ToF32IsExactForEveryPattern) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = F16ToF32(static_cast<uint16_t>(bits));
    const uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(value), fraction != 0);
      EXPECT_EQ(std::isinf(value), fraction == 0);
    } else {
      const double expected = exponent == 0 ? std::ldexp(fraction, -24)
                                            : std::ldexp(1024 + fraction, int(exponent) - 25);
      EXPECT_EQ(value, static_cast<float>(sign * expected));
    }
    EXPECT_EQ(std::signbit(value), (bits & 0x8000) != 0);
  }
}

TEST(Half, Bf16RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = Bf16ToF32(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(Bf16ToF32(F32ToBf16(value))));
    } else {
      EXPECT_EQ(F32ToBf16(value), bits);
    }
  }
  EXPECT_EQ(F32ToBf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // A tie goes to the even one,
  EXPECT_EQ(F32ToBf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // up or down.
  EXPECT_EQ(F32ToBf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(F32ToBf16(std::numeric_limits<float>::max()), 0x7f80);  // Infinity.
}

// Goldens by the gguf package: tests/parity/formats/make_dequantize_goldens.py.
TEST(Dequantize, EqualsTheGgufPackage) {
  std::ifstream file(INGLE_SOURCE_DIR "/src/formats/testdata/dequantize.bin", std::ios::binary);
  const std::vector<char> golden{std::istreambuf_iterator<char>(file), {}};
  size_t at = 0;
  int types = 0;
  while (at + 8 <= golden.size()) {
    uint32_t head[2];
    std::memcpy(head, golden.data() + at, sizeof(head));
    at += sizeof(head);
    const DTypeInfo info = *FindDType(head[0]);
    const size_t weights = size_t{head[1]} * info.block_weights;
    // One byte further than an aligned start: files promise no alignment.
    std::vector<std::byte> blocks(head[1] * info.block_bytes + 1);
    std::memcpy(blocks.data() + 1, golden.data() + at, blocks.size() - 1);
    at += blocks.size() - 1;
    std::vector<float> expected(weights), actual(weights);
    ASSERT_LE(at + weights * sizeof(float), golden.size());
    std::memcpy(expected.data(), golden.data() + at, weights * sizeof(float));
    at += weights * sizeof(float);
    ASSERT_NE(FindDequantize(info.type), nullptr) << info.name;
    FindDequantize(info.type)(blocks.data() + 1, weights, actual.data());
    for (size_t i = 0; i < weights; ++i)
      EXPECT_EQ(actual[i], expected[i]) << info.name << " weight " << i;
    ++types;
  }
  EXPECT_EQ(at, golden.size());
  EXPECT_EQ(types, 16);
  EXPECT_EQ(FindDequantize(DType::kIQ1_S), nullptr);
}

}  // namespace
}  // namespace ingle
