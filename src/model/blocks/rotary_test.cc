#include "model/blocks/rotary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace ingle {
namespace {

TEST(Rotary, SineAndCosineAgreeWithTheLibrary) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200000; ++i) {
    const double range = std::ldexp(1.0, static_cast<int>(random() % 27));
    const double angle = (static_cast<double>(random() >> 11) / (1LL << 53) - 0.5) * range;
    double sine, cosine;
    SineAndCosine(angle, &sine, &cosine);
    const double tolerance = 1e-15 + std::fabs(angle) * 1e-16;
    ASSERT_NEAR(sine, std::sin(angle), tolerance) << angle;
    ASSERT_NEAR(cosine, std::cos(angle), tolerance) << angle;
  }
}

TEST(Rotary, TableOfAPosition) {
  const RopeTable table{{1.0, 0.1, 0.001}, 2.0};
  float cosines[3], sines[3];
  FillRotary(table, 1000, cosines, sines);
  for (int i = 0; i < 3; ++i) {
    const double angle = 1000 * table.frequencies[static_cast<size_t>(i)];
    EXPECT_EQ(cosines[i], static_cast<float>(2 * std::cos(angle)));
    EXPECT_EQ(sines[i], static_cast<float>(2 * std::sin(angle)));
  }
}

}  // namespace
}  // namespace ingle
