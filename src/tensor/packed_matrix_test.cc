#include "tensor/packed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/bricks.h"
#include "tensor/pack.h"
#include "tensor/test_matrix.h"

namespace ingle {
namespace {

constexpr DType kTypes[] = {DType::kF32,  DType::kF16,    DType::kBF16,   DType::kQ8_0,
                            DType::kQ4_0, DType::kQ4_1,   DType::kQ5_0,   DType::kQ5_1,
                            DType::kQ4_K, DType::kQ5_K,   DType::kQ6_K,   DType::kQ2_K,
                            DType::kQ3_K, DType::kIQ4_NL, DType::kIQ4_XS, DType::kMXFP4};

// Columns to test a type with: whole bricks, a part of one, less than one.
std::vector<uint32_t> Columns(DType type) {
  const uint32_t multiple = FindPackFormat(type)->col_multiple;
  if (multiple == 256) return {256, 768};
  if (multiple == 32) return {512, 896, 288, 96};
  return {512, 300, 17, 32, 1};
}

std::string Name(DType type) { return std::string(Info(type).name); }

TEST(PackedMatrix, PackingIsReversible) {
  for (DType type : kTypes) {
    if (FindPackFormat(type)->unpacked != type) continue;  // As floats only: the next test.
    for (uint32_t cols : Columns(type)) {
      for (uint32_t rows : {1u, 16u, 37u}) {
        const Sample sample(type, rows, cols, rows + cols);
        const DTypeInfo& info = Info(type);
        const uint32_t blocks = cols / info.block_weights;
        for (uint32_t r = 0; r < rows; ++r) {
          for (uint32_t b = 0; b < blocks; ++b) {
            std::byte block[256];
            FindPackFormat(type)->unpack_block(
                sample.matrix.data + r / 16 * sample.matrix.tile_bytes, cols, r % 16, b, block);
            ASSERT_EQ(0, std::memcmp(block, sample.view.data + (r * blocks + b) * info.block_bytes,
                                     info.block_bytes))
                << Name(type) << " row " << r << " block " << b;
          }
        }
      }
    }
  }
}

TEST(PackedMatrix, ReadRowEqualsDequantization) {
  for (DType type : kTypes) {
    const uint32_t cols = Columns(type)[1];
    const Sample sample(type, 21, cols, 7);
    const auto want = sample.Dequantized();
    std::vector<float> row(cols);
    for (uint32_t r = 0; r < 21; ++r) {
      ReadRow(sample.matrix, r, row.data());
      ASSERT_EQ(0, std::memcmp(row.data(), &want[r * cols], cols * 4))
          << Name(type) << " row " << r;
    }
  }
}

// The variance that rounding the activation of column k adds to an output, over w * w. Rounding to
// a step s adds s * s / 12; the steps are max / 127 of the group, 2^-8 of the value in bf16, 2^-16
// in two of them.
double RoundingVariance(ActivationKind kind, const float* x, uint32_t cols, uint32_t k) {
  if (kind == kActivationF32) return 0.0;
  if (kind == kActivationBf16) return std::pow(double{x[k]} * 0x1p-8, 2) / 12;
  if (kind == kActivationBf16x2) return std::pow(double{x[k]} * 0x1p-15, 2) / 12;
  const uint32_t group = kind == kActivationQ8x32 ? 32 : 256;
  double max = 0;
  for (uint32_t i = k / group * group; i < std::min(cols, (k / group + 1) * group); ++i) {
    max = std::max(max, std::abs(double{x[i]}));
  }
  return std::pow(max / 127, 2) / 12;
}

// Against float64 products of the dequantised weights with the exact activations, within six
// standard deviations of the rounding of activations, and float32's own.
TEST(PackedMatrix, ProductIsThatOfTheDequantizedWeights) {
  for (DType type : kTypes) {
    for (uint32_t cols : Columns(type)) {
      constexpr uint32_t kRows = 37, kTokens = 3;
      const Sample sample(type, kRows, cols, cols);
      const auto w = sample.Dequantized();
      const auto x = RandomActivations(kTokens, cols, cols + 1);
      Activations a(Portable(), sample.matrix.activation, x, kTokens, cols);
      std::vector<float> out(kTokens * kRows);
      Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, out.data(), kRows);
      for (uint32_t t = 0; t < kTokens; ++t) {
        std::vector<double> variance(cols);
        for (uint32_t k = 0; k < cols; ++k) {
          variance[k] = RoundingVariance(sample.matrix.activation, &x[t * cols], cols, k);
        }
        for (uint32_t r = 0; r < kRows; ++r) {
          double want = 0, sum = 0, magnitude = 0;
          for (uint32_t k = 0; k < cols; ++k) {
            const double weight = w[r * cols + k];
            want += weight * double{x[t * cols + k]};
            magnitude += std::abs(weight * double{x[t * cols + k]});
            sum += weight * weight * variance[k];
          }
          ASSERT_NEAR(out[t * kRows + r], want, 6 * std::sqrt(sum) + 1e-6 * magnitude + 1e-30)
              << Name(type) << " cols " << cols << " row " << r << " token " << t;
        }
      }
    }
  }
}

TEST(PackedMatrix, QuantizationIsEqualInAllTiers) {
  for (uint32_t kind = 0; kind < kActivationKinds; ++kind) {
    const auto activation = static_cast<ActivationKind>(kind);
    for (uint32_t cols : {1u, 17u, 32u, 96u, 256u, 300u, 896u, 1536u}) {
      if (activation == kActivationQ8x256 && cols % 256 != 0) continue;
      const bool small = activation == kActivationQ8x32 || activation == kActivationQ8x32Parts;
      if (small && cols % 32 != 0) continue;
      auto x = RandomActivations(4, cols, cols);
      x[cols] = NAN;
      x[2 * cols] = -INFINITY;
      x[3 * cols] = 3e38f;
      Activations want(Portable(), activation, x, 4, cols);
      want.SortBf16(activation, 4);
      for (const Kernels* kernels : SupportedKernels()) {
        Activations got(*kernels, activation, x, 4, cols);
        got.SortBf16(activation, 4);
        ASSERT_EQ(0, std::memcmp(got.bytes.get(), want.bytes.get(), 4 * want.stride))
            << kernels->name << " kind " << kind << " cols " << cols;
      }
    }
  }
}

// Every tier and every number of tokens: the same bytes as the portable kernels give for 512
// tokens.
TEST(PackedMatrix, BytesDependNeitherOnTheTierNorOnTheNumberOfTokens) {
  constexpr uint32_t kMaxTokens = 512;
  for (DType type : kTypes) {
    for (uint32_t cols : Columns(type)) {
      for (uint32_t rows : {16u, 75u}) {
        const Sample sample(type, rows, cols, cols + rows);
        const auto x = RandomActivations(kMaxTokens, cols, cols + 1);
        Activations a(Portable(), sample.matrix.activation, x, kMaxTokens, cols);
        std::vector<float> want(size_t{kMaxTokens} * rows);
        Multiply(Portable(), sample.matrix, a.bytes.get(), kMaxTokens, 0, rows, want.data(), rows);
        for (const Kernels* kernels : SupportedKernels()) {
          Activations own(*kernels, sample.matrix.activation, x, kMaxTokens, cols);
          for (uint32_t tokens : {1u,  2u,  3u,  4u,  5u,  6u,  7u,  8u,   9u,   15u, 16u,
                                  17u, 31u, 32u, 33u, 63u, 64u, 65u, 257u, 321u, 512u}) {
            const size_t stride = rows + 3;
            std::vector<float> got(tokens * stride, 12345.0f);
            Multiply(*kernels, sample.matrix, own.bytes.get(), tokens, 0, rows, got.data(), stride);
            for (uint32_t t = 0; t < tokens; ++t) {
              ASSERT_EQ(0, std::memcmp(&got[t * stride], &want[size_t{t} * rows], rows * 4))
                  << kernels->name << " " << Name(type) << " cols " << cols << " rows " << rows
                  << " tokens " << tokens << " token " << t;
              ASSERT_EQ(got[t * stride + rows], 12345.0f) << "wrote beyond the last row";
            }
          }
        }
      }
    }
  }
}

// Which way a number of tokens goes, one tile at a time, two or a panel, depends on the processor.
TEST(PackedMatrix, BytesDoNotDependOnWhenPairsOfTilesAreTaken) {
  constexpr uint32_t kTokens = 70, kRows = 75, kCols = 768;
  for (DType type : kTypes) {
    const Sample sample(type, kRows, kCols, 5);
    const auto x = RandomActivations(kTokens, kCols, 6);
    std::vector<float> want(size_t{kTokens} * kRows), got(want.size());
    Activations a(Portable(), sample.matrix.activation, x, kTokens, kCols);
    Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, want.data(), kRows);
    for (const Kernels* supported : SupportedKernels()) {
      for (const PairRange& pairs : {PairRange{0, 0}, PairRange{1, 100}, PairRange{5, 20}}) {
        Kernels kernels = *supported;
        std::ranges::fill(kernels.matmul.pairs, pairs);
        Activations own(kernels, sample.matrix.activation, x, kTokens, kCols);
        for (uint32_t tokens : {1u, 3u, 5u, 7u, 8u, 9u, 13u, 20u, 21u, 33u, 64u, 65u, kTokens}) {
          Multiply(kernels, sample.matrix, own.bytes.get(), tokens, 0, kRows, got.data(), kRows);
          ASSERT_EQ(0, std::memcmp(got.data(), want.data(), size_t{tokens} * kRows * 4))
              << kernels.name << " " << Name(type) << " tokens " << tokens << " pairs from "
              << pairs.least;
        }
      }
    }
  }
}

// Tile registers take the columns of many tokens in blocks that a cache holds (amx/panel_walk.h):
// here two of them for 250 tokens, and more rows than go through a block together.
TEST(PackedMatrix, BytesDoNotDependOnBlocksOfColumns) {
  constexpr uint32_t kTokens = 250, kRows = 139;
  for (const auto& [type, cols] :
       {std::pair{DType::kBF16, 2344u}, std::pair{DType::kF16, 1300u},
        std::pair{DType::kQ4_K, 3328u}, std::pair{DType::kQ8_0, 3680u}}) {
    const Sample sample(type, kRows, cols, 7);
    const auto x = RandomActivations(kTokens, cols, 8);
    Activations a(Portable(), sample.matrix.activation, x, kTokens, cols);
    std::vector<float> want(size_t{kTokens} * kRows), got(want.size());
    Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, want.data(), kRows);
    for (const Kernels* kernels : SupportedKernels()) {
      Activations own(*kernels, sample.matrix.activation, x, kTokens, cols);
      Multiply(*kernels, sample.matrix, own.bytes.get(), kTokens, 0, kRows, got.data(), kRows);
      ASSERT_EQ(0, std::memcmp(got.data(), want.data(), want.size() * sizeof(float)))
          << kernels->name << " " << Name(type);
    }
  }
}

// Half floats that were bf16, as in files made of published BF16 weights, have no rest that bf16
// loses: tiers may leave its product out, group by group. Rows 0 to 7 come to a negative subnormal
// right before it, which is flushed to -0 and which adding the product's 0 makes 0.
TEST(PackedMatrix, HalfFloatsThatWereBf16GiveTheSameBytesInAllTiers) {
  constexpr uint32_t kTokens = 33, kRows = 40, kCols = 288, kLast = kCols - 32;
  constexpr uint16_t kSmallestNormal = 0x0400;  // 2^-14
  Sample sample(DType::kF16, kRows, kCols, 11);
  const auto put = [&](uint32_t row, uint32_t k, auto change) {
    std::byte* at = sample.source.data() + 1 + (row * kCols + k) * 2;
    uint16_t bits;
    std::memcpy(&bits, at, 2);
    bits = change(bits);
    std::memcpy(at, &bits, 2);
  };
  for (uint32_t row = 0; row < kRows; ++row) {
    for (uint32_t k = 0; k < kCols; ++k) {
      if (row == 20 && k / 32 == 2) continue;  // One group of a tile keeps all of its bits.
      put(row, k,
          [&](uint16_t bits) { return static_cast<uint16_t>(row < 8 ? 0 : bits & 0xfff8); });
    }
  }
  for (uint32_t row = 0; row < 8; ++row)
    for (uint32_t k : {1, 3, 5}) put(row, kLast + k, [](uint16_t) { return kSmallestNormal; });
  PackTiles(sample.view, 0, TileCount(kRows), sample.packed.get());
  auto x = RandomActivations(kTokens, kCols, 12);
  for (uint32_t t = 0; t < kTokens; t += 2) {
    float* last = &x[t * kCols + kLast];
    last[1] = 0x1.008p-102f;  // 2^-102 as bf16 and 2^-111 beside it,
    last[3] = -0x1p-102f;
    last[5] = -0x1.4p-111f;  // so that the sum is -1.25 * 2^-125, then -0.25 * 2^-125.
  }
  EnterKernelThread();
  Activations a(Portable(), sample.matrix.activation, x, kTokens, kCols);
  std::vector<float> want(kTokens * kRows), got(want.size());
  Multiply(Portable(), sample.matrix, a.bytes.get(), kTokens, 0, kRows, want.data(), kRows);
  for (const Kernels* kernels : SupportedKernels()) {
    Activations own(*kernels, sample.matrix.activation, x, kTokens, kCols);
    for (uint32_t tokens : {1u, 4u, 9u, 16u, kTokens}) {
      Multiply(*kernels, sample.matrix, own.bytes.get(), tokens, 0, kRows, got.data(), kRows);
      ASSERT_EQ(0, std::memcmp(got.data(), want.data(), size_t{tokens} * kRows * sizeof(float)))
          << kernels->name << " tokens " << tokens;
    }
  }
}

TEST(PackedMatrix, RangesOfRowsGiveTheSameBytes) {
  for (DType type : kTypes) {
    const uint32_t cols = Columns(type)[0], rows = 75, tokens = 19;
    const Sample sample(type, rows, cols, 3);
    Activations a(Portable(), sample.matrix.activation, RandomActivations(tokens, cols, 4), tokens,
                  cols);
    for (const Kernels* kernels : SupportedKernels()) {
      std::vector<float> whole(tokens * rows), parts(tokens * rows);
      Multiply(*kernels, sample.matrix, a.bytes.get(), tokens, 0, rows, whole.data(), rows);
      for (uint32_t begin = 0, end = 16; begin < rows;
           begin = end, end = std::min(rows, end + 32)) {
        Multiply(*kernels, sample.matrix, a.bytes.get(), tokens, begin, end, &parts[begin], rows);
      }
      ASSERT_EQ(0, std::memcmp(whole.data(), parts.data(), whole.size() * 4)) << kernels->name;
    }
  }
}

TEST(PackedMatrix, NanActivationsGiveNan) {
  for (DType type : kTypes) {
    const uint32_t cols = 512;
    const Sample sample(type, 16, cols, 3);
    for (float bad : {NAN, INFINITY}) {
      constexpr uint32_t kTokens = 17;
      auto x = RandomActivations(kTokens, cols, 4);
      for (uint32_t t = 0; t < kTokens; ++t) x[t * cols + 100] = bad;
      for (const Kernels* kernels : SupportedKernels()) {
        Activations a(*kernels, sample.matrix.activation, x, kTokens, cols);
        for (const uint32_t tokens : {1u, kTokens}) {
          float out[kTokens * 16];
          Multiply(*kernels, sample.matrix, a.bytes.get(), tokens, 0, 16, out, 16);
          for (float v : std::span(out).first(tokens * 16))
            ASSERT_FALSE(std::isfinite(v)) << kernels->name << " " << Name(type);
        }
      }
    }
  }
}

TEST(PackedMatrix, RefusesWhatItCannotMultiply) {
  const auto type = PackedBytes(DType::kIQ2_XXS, 16, 256);
  ASSERT_FALSE(type.has_value());
  EXPECT_EQ(type.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(type.error().message.find("iq2_xxs"), std::string::npos);
  EXPECT_FALSE(PackedBytes(DType::kQ4_K, 16, 128).has_value());
  EXPECT_FALSE(PackedBytes(DType::kQ8_0, 16, 33).has_value());
  EXPECT_FALSE(PackedBytes(DType::kF32, 0, 16).has_value());
  EXPECT_FALSE(PackedBytes(DType::kF32, ~0u, ~0u).has_value());
}

}  // namespace
}  // namespace ingle
