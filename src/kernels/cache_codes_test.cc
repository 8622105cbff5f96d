#include "kernels/cache_codes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace ingle {
namespace {

float Scale(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

TEST(CacheCodes, NoFurtherThanHalfAScale) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const float size = std::ldexp(1.0f, static_cast<int>(random() % 160) - 80);
    const uint32_t count = round % 3 == 0 ? 16 : 32;
    float x[32], top = 0;
    for (uint32_t i = 0; i < count; ++i) {
      x[i] = std::normal_distribution<float>(0, size)(random);
      top = std::max(top, std::fabs(x[i]));
    }
    int8_t codes[32];
    const float scale = Scale(QuantizeCodes(x, count, codes));
    ASSERT_GE(scale * 127, top * (1 - 1e-6f));
    ASSERT_LE(scale * 127, top * (1 + 1.0f / 128));  // The next bf16 at most.
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_GE(codes[i], -127);
      ASSERT_LE(std::fabs(codes[i] * scale - x[i]), 0.5001f * scale) << x[i];
    }
  }
}

TEST(CacheCodes, TiesGoToEven) {
  const float x[6] = {127, 0.5f, 1.5f, -0.5f, -2.5f, -3.5f};  // A scale of one.
  int8_t codes[6];
  EXPECT_EQ(Scale(QuantizeCodes(x, 6, codes)), 1.0f);
  const int8_t expected[6] = {127, 0, 2, 0, -2, -4};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(codes[i], expected[i]) << i;
}

TEST(CacheCodes, TheLargestNumbers) {
  const float top = std::numeric_limits<float>::max();
  const float x[2] = {top, -top};
  int8_t codes[2];
  const float scale = Scale(QuantizeCodes(x, 2, codes));
  EXPECT_TRUE(std::isfinite(scale));
  EXPECT_GE(codes[0], 126);
  EXPECT_EQ(codes[0], -codes[1]);
}

TEST(CacheCodes, TinyBlocksAreZeroAndOthersShowThatTheyAreNotFinite) {
  int8_t codes[16];
  float x[16] = {1e-37f, -1e-38f};
  EXPECT_EQ(QuantizeCodes(x, 16, codes), 0);
  for (const int8_t code : codes) EXPECT_EQ(code, 0);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    x[7] = bad;
    EXPECT_TRUE(std::isnan(Scale(QuantizeCodes(x, 16, codes))));
    for (const int8_t code : codes) EXPECT_EQ(code, 0);
  }
}

}  // namespace
}  // namespace ingle
