// Inputs in parts of int8 (kActivationQ8x32Parts).

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/test_matrix.h"

namespace ingle {
namespace {

constexpr DType kTypes[] = {DType::kQ4_0, DType::kQ5_0};

Sample SampleInParts(DType type, uint32_t rows, uint32_t cols) {
  Sample sample(type, rows, cols, rows + cols);
  FeedParts(sample.matrix);
  return sample;
}

TEST(ActivationParts, ProductsAreThoseOfFloats) {
  constexpr uint32_t kRows = 37, kTokens = 3;
  for (DType type : kTypes) {
    for (uint32_t cols : {32u, 288u, 768u}) {
      const Sample sample = SampleInParts(type, kRows, cols);
      ASSERT_EQ(sample.matrix.feed, kActivationQ8x32Parts);
      const auto w = sample.Dequantized();
      const auto x = RandomActivations(kTokens, cols, cols + 1);
      Activations a(Portable(), kActivationQ8x32Parts, x, kTokens, cols);
      std::vector<float> out(kTokens * kRows);
      Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, out.data(), kRows);
      for (uint32_t i = 0; i < kTokens * kRows; ++i) {
        double want = 0, magnitude = 1e-30;
        for (uint32_t k = 0; k < cols; ++k) {
          const double weight = w[i % kRows * cols + k], input = x[i / kRows * cols + k];
          want += weight * input;
          magnitude += std::abs(weight) * std::abs(input);
        }
        ASSERT_NEAR(out[i], want, 1e-6 * magnitude) << cols << " output " << i;
      }
    }
  }
}

TEST(ActivationParts, BytesDependNeitherOnTheTierNorOnTheNumberOfTokens) {
  constexpr uint32_t kMaxTokens = 300, kRows = 139;
  for (DType type : kTypes) {
    for (uint32_t cols : {96u, 512u}) {
      const Sample sample = SampleInParts(type, kRows, cols);
      const auto x = RandomActivations(kMaxTokens, cols, cols);
      Activations a(Portable(), kActivationQ8x32Parts, x, kMaxTokens, cols);
      std::vector<float> want(size_t{kMaxTokens} * kRows);
      Multiply(Portable(), sample.matrix, a.bytes.get(), kMaxTokens, 0, kRows, want.data(), kRows);
      for (const Kernels* kernels : SupportedKernels()) {
        for (uint32_t tokens : {1u, 2u, 5u, 16u, 33u, 79u, 80u, 81u, 300u}) {
          const size_t stride = kRows + 3;
          std::vector<float> got(tokens * stride, 12345.0f);
          for (uint32_t row = 0; row < kRows; row += 80) {
            Multiply(*kernels, sample.matrix, a.bytes.get(), tokens, row, std::min(kRows, row + 80),
                     &got[row], stride);
          }
          for (uint32_t t = 0; t < tokens; ++t) {
            ASSERT_EQ(0, std::memcmp(&got[t * stride], &want[size_t{t} * kRows], kRows * 4))
                << kernels->name << " cols " << cols << " tokens " << tokens << " token " << t;
            ASSERT_EQ(got[t * stride + kRows], 12345.0f) << "wrote beyond the last row";
          }
        }
      }
    }
  }
}

TEST(ActivationParts, NanActivationsGiveNan) {
  const Sample sample = SampleInParts(DType::kQ4_0, 16, 512);
  for (float bad : {NAN, INFINITY}) {
    auto x = RandomActivations(1, 512, 4);
    x[100] = bad;
    for (const Kernels* kernels : SupportedKernels()) {
      Activations a(*kernels, kActivationQ8x32Parts, x, 1, 512);
      float out[16];
      Multiply(*kernels, sample.matrix, a.bytes.get(), 1, 0, 16, out, 16);
      for (float v : out) ASSERT_FALSE(std::isfinite(v)) << kernels->name;
    }
  }
}

TEST(ActivationParts, OtherMatricesKeepTheirFeed) {
  Sample sample(DType::kQ4_K, 16, 256, 1);
  FeedParts(sample.matrix);
  EXPECT_EQ(sample.matrix.activation, kActivationQ8x256);
  EXPECT_EQ(sample.matrix.feed, kActivationQ8x256);
}

}  // namespace
}  // namespace ingle
