#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/dispatch.h"

namespace ingle {
namespace {

std::vector<float> Random(size_t n, uint32_t seed, float scale = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> values(n);
  for (float& value : values) value = normal(generator);
  return values;
}

// Runs f with every tier's table; all must give the bytes of the portable one, which are returned.
std::vector<float> SameInEveryTier(
    const std::function<std::vector<float>(const ElementwiseKernels&)>& f) {
  EnterKernelThread();
  const auto tiers = SupportedKernels();
  const std::vector<float> expected = f(tiers.back()->elementwise);
  for (const Kernels* tier : tiers) {
    const std::vector<float> got = f(tier->elementwise);
    EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size() * sizeof(float)), 0)
        << tier->name;
  }
  return expected;
}

constexpr uint32_t kSizes[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257, 896, 1536};

TEST(Elementwise, RmsNorm) {
  for (const uint32_t n : kSizes) {
    const auto x = Random(n, n), w = Random(n, n + 1);
    const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
      std::vector<float> out(n);
      k.rms_norm(x.data(), w.data(), n, 1e-6f, out.data());
      return out;
    });
    double squares = 0;
    for (const float v : x) squares += double{v} * v;
    const double inverse = 1 / std::sqrt(squares / n + 1e-6f);
    for (uint32_t i = 0; i < n; ++i)
      ASSERT_NEAR(y[i], x[i] * inverse * w[i], 1e-6 * (1 + std::fabs(y[i])));
  }
}

TEST(Elementwise, SiluMultiply) {
  for (const uint32_t n : kSizes) {
    auto gate = Random(n, n, 20.0f);
    const auto up = Random(n, n + 1);
    gate[0] = n % 2 ? -200.0f : 300.0f;  // Far outside what exp can do.
    const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
      std::vector<float> out(n);
      k.silu_multiply(gate.data(), up.data(), n, out.data());
      return out;
    });
    for (uint32_t i = 0; i < n; ++i) {
      const double expected = gate[i] / (1 + std::exp(-double{gate[i]})) * up[i];
      ASSERT_NEAR(y[i], expected, 3e-7 * std::fabs(expected) + 1e-30) << gate[i];
    }
  }
}

TEST(Elementwise, AddAndScale) {
  for (const uint32_t n : kSizes) {
    const auto x = Random(n, n), y = Random(n, n + 1);
    const auto sum = SameInEveryTier([&](const ElementwiseKernels& k) {
      auto out = x;
      k.add(out.data(), y.data(), n);
      k.scale(out.data(), 0.3f, n);
      return out;
    });
    for (uint32_t i = 0; i < n; ++i) ASSERT_EQ(sum[i], (x[i] + y[i]) * 0.3f);
  }
}

TEST(Elementwise, Rope) {
  for (const uint32_t pairs : {1u, 3u, 4u, 8u, 10u, 16u, 32u, 40u, 64u}) {
    const auto x = Random(2 * pairs, pairs);
    std::vector<float> cosines, sines;
    for (uint32_t i = 0; i < pairs; ++i) {
      cosines.push_back(std::cos(static_cast<float>(i) * 0.7f));
      sines.push_back(std::sin(static_cast<float>(i) * 0.7f));
    }
    for (const bool adjacent : {false, true}) {
      const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
        auto out = x;
        (adjacent ? k.rope_adjacent_pairs : k.rope_split_halves)(out.data(), cosines.data(),
                                                                 sines.data(), pairs);
        return out;
      });
      for (uint32_t i = 0; i < pairs; ++i) {
        const uint32_t a = adjacent ? 2 * i : i, b = adjacent ? 2 * i + 1 : i + pairs;
        const double c = cosines[i], s = sines[i];
        ASSERT_NEAR(y[a], x[a] * c - x[b] * s, 1e-6);
        ASSERT_NEAR(y[b], x[b] * c + x[a] * s, 1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace ingle
