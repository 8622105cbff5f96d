// Products whose sums come to the end of what their integers hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "tensor/packed_matrix.h"
#include "tensor/test_matrix.h"

namespace ingle {
namespace {

constexpr DType kIntegerTypes[] = {DType::kQ8_0, DType::kQ4_0, DType::kQ4_1,   DType::kQ5_0,
                                   DType::kQ5_1, DType::kQ4_K, DType::kQ5_K,   DType::kQ6_K,
                                   DType::kQ2_K, DType::kQ3_K, DType::kIQ4_NL, DType::kIQ4_XS,
                                   DType::kMXFP4};

std::string Name(DType type) { return std::string(Info(type).name); }

// A block's float scales are one.
void PutScalesOfOne(DType type, std::byte* block) {
  const uint16_t one = 0x3c00;
  const auto put = [&](std::initializer_list<size_t> offsets) {
    for (const size_t at : offsets) std::memcpy(block + at, &one, 2);
  };
  switch (type) {
    case DType::kQ6_K: return put({208});
    case DType::kQ3_K: return put({108});
    case DType::kQ2_K: return put({80, 82});
    case DType::kMXFP4: block[0] = std::byte{128}; return;
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ4_1:
    case DType::kQ5_1: return put({0, 2});
    default: return put({0});
  }
}

// Codes and activations at their ends: sums in 16 bits (vpmaddubsw) must not saturate, those in 32
// bits not wrap.
TEST(ExtremeProducts, AreExactInAllTiers) {
  constexpr uint32_t kCols = 512, kRows = 16;
  constexpr uint32_t kTokens = 18, kFewTokens = 4;  // For tiles of tokens, and without a panel.
  std::vector<float> x(kTokens * kCols, 1.0f);
  for (uint32_t t = 0; t < kTokens; ++t) {
    for (uint32_t k = 0; k < kCols; ++k)
      if (t % 3 == 1 || (t % 3 == 2 && k % 4 >= 2)) x[t * kCols + k] = -1.0f;
  }
  for (DType type : kIntegerTypes) {
    const DTypeInfo& info = Info(type);
    for (int byte : {0x00, 0xff, 0x80, 0x7f, 0x1f}) {
      Sample sample(type, kRows, kCols, 1);
      std::memset(sample.source.data(), byte, sample.source.size());
      for (size_t at = 1; at < sample.source.size(); at += info.block_bytes)
        PutScalesOfOne(type, &sample.source[at]);
      PackTiles(sample.view, 0, 1, sample.packed.get());
      const auto w = sample.Dequantized();
      for (const Kernels* kernels : SupportedKernels()) {
        Activations a(*kernels, sample.matrix.activation, x, kTokens, kCols);
        float out[kTokens * kRows], few[kFewTokens * kRows];
        Multiply(*kernels, sample.matrix, a.bytes.get(), kTokens, 0, kRows, out, kRows);
        Multiply(*kernels, sample.matrix, a.bytes.get(), kFewTokens, 0, kRows, few, kRows);
        ASSERT_EQ(0, std::memcmp(few, out, sizeof few))
            << kernels->name << " " << Name(type) << " byte " << byte;
        for (uint32_t t = 0; t < kTokens; ++t) {
          double want = 0, magnitude = 0;
          for (uint32_t k = 0; k < kCols; ++k) {
            want += double{w[k]} * double{x[t * kCols + k]};
            magnitude += std::abs(double{w[k]});
          }
          // Activations of one are exactly 127 steps of 1/127 in float.
          ASSERT_NEAR(out[t * kRows], want, 1e-5 * magnitude)
              << kernels->name << " " << Name(type) << " byte " << byte << " token " << t;
        }
      }
    }
  }
}

// Tiers may scale a group's sum in 16 bits where the activations' bounds say that it fits. Here
// groups of 16 and of 32 whose sums with the largest codes fit barely, and by one do not, in tokens
// multiplied together with others and alone.
TEST(ExtremeProducts, SumsAtTheEndOfSixteenBitsAreExactInAllTiers) {
  constexpr uint32_t kCols = 256, kRows = 16, kTokens = 19;
  // 15, 31 and 32 times these are 2^15 or right below and above.
  constexpr int32_t kSums[] = {2184, 2185, 1057, 1058, 1023, 1024, 100};
  std::vector<float> x(kTokens * kCols, 0.0f);
  for (uint32_t t = 0; t < kTokens; ++t) {
    const uint32_t group = t % 2 == 0 ? 32 : 16;
    const int32_t sum = kSums[t % std::size(kSums)];
    for (uint32_t k = 0; k < group; ++k) {
      const auto i = static_cast<int32_t>(k), n = static_cast<int32_t>(group);
      const auto q = static_cast<float>(std::min(127, sum / n + (i < sum % n)));
      x[t * kCols + 64 + k] = t % 3 == 0 ? q : -q;
    }
    x[t * kCols + 255] = 127.0f;  // So that a step is one.
  }
  for (DType type : {DType::kQ4_K, DType::kQ5_K, DType::kQ6_K, DType::kQ2_K, DType::kQ3_K}) {
    for (int byte : {0x00, 0xff}) {
      const DTypeInfo& info = Info(type);
      Sample sample(type, kRows, kCols, 1);
      std::memset(sample.source.data(), byte, sample.source.size());
      for (size_t at = 1; at < sample.source.size(); at += info.block_bytes) {
        if (type == DType::kQ6_K) std::memset(&sample.source[at + 192], 0x7f, 16);  // Its scales.
        PutScalesOfOne(type, &sample.source[at]);
      }
      PackTiles(sample.view, 0, 1, sample.packed.get());
      Activations a(Portable(), sample.matrix.activation, x, kTokens, kCols);
      float want[kTokens * kRows], got[kTokens * kRows];
      Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, want, kRows);
      for (const Kernels* kernels : SupportedKernels()) {
        for (uint32_t tokens : {1u, 3u, 8u, 12u, kTokens}) {
          for (uint32_t t = 0; t + tokens <= kTokens; t += tokens) {
            Multiply(*kernels, sample.matrix, a.bytes.get() + t * a.stride, tokens, 0, kRows, got,
                     kRows);
            ASSERT_EQ(0, std::memcmp(got, want + t * kRows, tokens * kRows * sizeof(float)))
                << kernels->name << " " << Name(type) << " byte " << byte << " token " << t;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace ingle
