#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
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

TEST(Elementwise, FindAbove) {
  for (const uint32_t n : {1u, 15u, 16u, 63u, 64u, 65u, 200u, 1031u}) {
    for (const float found : {0.5f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
      for (uint32_t at = 0; at < n; at += n < 100 ? 1 : 7) {
        std::vector<float> x(n, 0.25f);  // The bar itself is not above it.
        x[at] = found;
        for (const uint32_t begin : {0u, 3u, 16u}) {
          if (begin > at) continue;
          // The run of `at`, or the ragged end where that is earlier.
          const size_t ragged = begin + (n - begin) / kFindRun * kFindRun;
          const size_t want = std::min<size_t>(begin + (at - begin) / kFindRun * kFindRun, ragged);
          for (const Kernels* tier : SupportedKernels())
            ASSERT_EQ(tier->elementwise.find_above(x.data(), begin, n, 0.25f), want)
                << tier->name << " n " << n << " at " << at << " begin " << begin;
        }
      }
    }
  }
  const std::vector<float> nothing(128, -1.0f);
  for (const Kernels* tier : SupportedKernels()) {
    EXPECT_EQ(tier->elementwise.find_above(nothing.data(), 0, 128, -1.0f), 128u);
    EXPECT_EQ(tier->elementwise.find_above(nothing.data(), 128, 128, -2.0f), 128u);
    EXPECT_EQ(tier->elementwise.find_above(nothing.data(), 32, 128, -2.0f), 32u);
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

TEST(Elementwise, LayerNorm) {
  for (const uint32_t n : kSizes) {
    auto x = Random(n, n);
    for (float& v : x) v += 3.0f;
    const auto w = Random(n, n + 1), b = Random(n, n + 2);
    const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
      std::vector<float> out(n);
      k.layer_norm(x.data(), w.data(), b.data(), n, 1e-5f, out.data());
      return out;
    });
    double mean = 0, variance = 0;
    for (const float v : x) mean += double{v} / n;
    for (const float v : x) variance += (v - mean) * (v - mean) / n;
    for (uint32_t i = 0; i < n; ++i)
      ASSERT_NEAR(y[i], (x[i] - mean) / std::sqrt(variance + 1e-5) * w[i] + b[i],
                  n == 1 ? 1e-3 : 1e-5);
  }
}

// Every function of one vector against its definition in double precision.
TEST(Elementwise, FunctionsOfOneNumber) {
  const auto gelu = [](double v) {
    return v / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v)));
  };
  using Kernel = std::function<void(const ElementwiseKernels&, float*, uint32_t)>;
  const std::pair<Kernel, std::function<double(double)>> cases[] = {
      {[](const auto& k, float* x, uint32_t n) { k.silu(x, n, x); },
       [](double v) { return v / (1 + std::exp(-v)); }},
      {[](const auto& k, float* x, uint32_t n) { k.gelu_tanh(x, n, x); }, gelu},
      {[](const auto& k, float* x, uint32_t n) { k.gelu_tanh_multiply(x, x, n, x); },
       [&](double v) { return gelu(v) * v; }},
      {[](const auto& k, float* x, uint32_t n) { k.softcap(x, 1.5f, n); },
       [](double v) { return 1.5 * std::tanh(v / 1.5); }},
      {[](const auto& k, float* x, uint32_t n) { k.sigmoid(x, n); },
       [](double v) { return 1 / (1 + std::exp(-v)); }}};
  for (const auto& [kernel, exact] : cases) {
    for (const uint32_t n : kSizes) {
      auto x = Random(n, n, n % 2 ? 3.0f : 0.3f);
      x[0] = n % 2 ? -100.0f : 100.0f;
      const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
        auto out = x;
        kernel(k, out.data(), n);
        return out;
      });
      for (uint32_t i = 0; i < n; ++i)
        ASSERT_NEAR(y[i], exact(x[i]), 1e-6 * std::fabs(exact(x[i])) + 1e-6) << x[i];
    }
  }
}

TEST(Elementwise, DotsOfManyRowsAreThoseOfEach) {
  for (const uint32_t n : kSizes) {
    for (const uint32_t count : {1u, 3u, 8u, 21u}) {
      const auto x = Random(n, n), rows = Random(n * count, n + 1);
      const auto together = SameInEveryTier([&](const ElementwiseKernels& k) {
        std::vector<float> y(count);
        k.dot_rows(x.data(), rows.data(), n, count, y.data());
        return y;
      });
      const auto alone = SameInEveryTier([&](const ElementwiseKernels& k) {
        std::vector<float> y(count);
        for (uint32_t r = 0; r < count; ++r) y[r] = k.dot(x.data(), rows.data() + size_t{r} * n, n);
        return y;
      });
      EXPECT_EQ(together, alone) << n << ", " << count << " rows";
    }
  }
}

TEST(Elementwise, SoftmaxAndProducts) {
  for (const uint32_t n : kSizes) {
    const auto x = Random(n, n, 3.0f), w = Random(n, n + 1);
    const auto y = SameInEveryTier([&](const ElementwiseKernels& k) {
      auto out = x;
      k.softmax(out.data(), n);
      out.push_back(k.dot(x.data(), w.data(), n));
      std::vector<float> product(n);
      k.multiply(x.data(), w.data(), n, product.data());
      k.multiply_add(x.data(), w.data(), n, product.data());
      k.add_scaled(product.data(), x.data(), 0.5f, n);
      out.insert(out.end(), product.begin(), product.end());
      return out;
    });
    double sum = 0, dot = 0;
    for (uint32_t i = 0; i < n; ++i) sum += std::exp(double{x[i]}), dot += double{x[i]} * w[i];
    EXPECT_NEAR(y[n], dot, 1e-5 * (1 + n));
    for (uint32_t i = 0; i < n; ++i) {
      ASSERT_NEAR(y[i], std::exp(double{x[i]}) / sum, 1e-6);
      ASSERT_NEAR(y[n + 1 + i], 2.0 * x[i] * w[i] + 0.5 * x[i], 1e-5);
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
