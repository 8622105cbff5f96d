// Products of the integer types in plain scalar code: the oracle of every other tier. The float
// operations of an output, in the order of its bricks and groups, are the arithmetic contract; see
// kernels/README.md.
#include <cmath>
#include <cstdint>
#include <cstring>

#include "formats/half.h"
#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kPortableIntegers;

namespace {

// Codes of a brick, row-major, less their zero (8-bit codes and all zeros fit in int8).
struct Codes {
  int8_t q[kTileRows][kBrickK];
};

// One group of 32 k: 4-bit codes with fifth bits (null: none), or 8-bit codes.
void UnpackNibbles(const uint8_t* codes, const uint8_t* high, int zero, uint32_t k0, Codes& out) {
  for (uint32_t r = 0; r < kTileRows; ++r) {
    for (uint32_t k = 0; k < kGroupK; ++k) {
      const uint32_t quad = k / 4, byte = r * 4 + k % 4;
      int code = codes[quad / 2 * 64 + byte] >> (quad % 2 * 4) & 15;
      if (high) code |= (high[byte] >> quad & 1) << 4;
      out.q[r][k0 + k] = static_cast<int8_t>(code - zero);
    }
  }
}

void UnpackBytes(const uint8_t* codes, uint32_t k0, Codes& out) {
  for (uint32_t r = 0; r < kTileRows; ++r) {
    for (uint32_t k = 0; k < kGroupK; ++k) {
      out.q[r][k0 + k] = static_cast<int8_t>(codes[k / 4 * 64 + r * 4 + k % 4] - 128);
    }
  }
}

int32_t Dot(const int8_t* a, const int8_t* b, uint32_t count) {
  int32_t sum = 0;
  for (uint32_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

uint32_t RowsOfTile(const MultiplyArgs& args, uint32_t tile) {
  const uint32_t left = args.rows - tile * kTileRows;
  return left < kTileRows ? left : kTileRows;
}

void ClearTile(const MultiplyArgs& args, uint32_t tile, uint32_t rows) {
  for (uint32_t t = 0; t < args.tokens; ++t) {
    std::memset(args.out + t * args.out_stride + tile * kTileRows, 0, rows * sizeof(float));
  }
}

// 4-bit codes of a codebook.
void LookUp(const uint8_t* codes, const int8_t (&values)[16], uint32_t k0, Codes& out) {
  for (uint32_t r = 0; r < kTileRows; ++r) {
    for (uint32_t k = 0; k < kGroupK; ++k) {
      const uint32_t quad = k / 4, byte = r * 4 + k % 4;
      out.q[r][k0 + k] = values[codes[quad / 2 * 64 + byte] >> (quad % 2 * 4) & 15];
    }
  }
}

template <SmallBlockLayout kLayout>
float ScaleOf(const uint8_t* scales, uint32_t index) {
  if constexpr (kLayout.wide_scale) {
    return reinterpret_cast<const float*>(scales)[index];
  } else {
    return F16ToF32(reinterpret_cast<const uint16_t*>(scales)[index]);
  }
}

// acc = fma(d_w * d_a, sum, acc) per group of 32; with a min, then acc = fma(m * d_a, sum of q_a,
// acc).
template <SmallBlockLayout kLayout>
void SmallBrick(const MultiplyArgs& args, uint32_t tile, const uint8_t* brick, uint32_t index,
                uint32_t groups, Codes& codes) {
  const uint8_t* high = kLayout.bits == 5 ? brick + HighOffset(kLayout, groups) : nullptr;
  for (uint32_t g = 0; g < groups; ++g) {
    const uint8_t* group_codes = brick + g * CodeBytes(kLayout);
    if constexpr (kLayout.codebook != Codebook::kNone) {
      constexpr auto kBook = static_cast<size_t>(kLayout.codebook);
      LookUp(group_codes, kCodebookValues[kBook], g * kGroupK, codes);
    } else if constexpr (kLayout.bits == 8) {
      UnpackBytes(group_codes, g * kGroupK, codes);
    } else {
      UnpackNibbles(group_codes, high ? high + g * 64 : nullptr, kLayout.zero, g * kGroupK, codes);
    }
  }
  const uint8_t* d = brick + ScaleOffset(kLayout, groups);
  const auto* m = reinterpret_cast<const uint16_t*>(brick + MinOffset(kLayout, groups));
  for (uint32_t t = 0; t < args.tokens; ++t) {
    const auto& a = reinterpret_cast<const ActivationQ8x32*>(args.activations +
                                                             t * args.activation_stride)[index];
    float* out = args.out + t * args.out_stride + tile * kTileRows;
    for (uint32_t r = 0; r < RowsOfTile(args, tile); ++r) {
      float acc = out[r];
      for (uint32_t g = 0; g < groups; ++g) {
        const int32_t sum = Dot(codes.q[r] + g * kGroupK, a.q[g], kGroupK);
        acc = std::fma(ScaleOf<kLayout>(d, g * 16 + r) * a.d[g], static_cast<float>(sum), acc);
        if constexpr (kLayout.has_min) {
          const float q_sum = static_cast<float>(a.minus_8_sums[g]) * -0.125f;
          acc = std::fma(F16ToF32(m[g * 16 + r]) * a.d[g], q_sum, acc);
        }
      }
      out[r] = acc;
    }
  }
}

template <SmallBlockLayout kLayout>
void MultiplySmallBlocks(const MultiplyArgs& args) {
  Codes codes;
  const uint32_t all_groups = args.cols / kGroupK;
  const uint8_t* weights = args.weights;
  for (uint32_t tile = 0; tile * kTileRows < args.rows; ++tile) {
    ClearTile(args, tile, RowsOfTile(args, tile));
    for (uint32_t first = 0; first < all_groups; first += 8) {
      const uint32_t groups = all_groups - first < 8 ? all_groups - first : 8;
      SmallBrick<kLayout>(args, tile, weights, first / 8, groups, codes);
      weights += SmallBrickBytes(kLayout, groups);
    }
  }
}

// The block's two integer sums; `mins` is 0 for types without mins.
struct BlockSums {
  int32_t scaled, mins;
};

template <class Brick>
void Unpack(const Brick& brick, Codes& codes) {
  for (uint32_t g = 0; g < 8; ++g) {
    const uint8_t* high = nullptr;
    if constexpr (requires { brick.high; }) high = brick.high[g];
    UnpackNibbles(brick.codes[g][0], high, 0, g * kGroupK, codes);
  }
}

void Unpack(const BrickQ6_K& brick, Codes& codes) {
  for (uint32_t r = 0; r < kTileRows; ++r) {
    for (uint32_t k = 0; k < kBrickK; ++k) {
      const uint32_t quad = k / 4, byte = r * 4 + k % 4;
      const int low = brick.codes[k / 32][quad % 8 / 2][byte] >> (quad % 2 * 4) & 15;
      const int high = brick.high[k / 16][byte] >> (quad % 4 * 2) & 3;
      codes.q[r][k] = static_cast<int8_t>((low | high << 4) - 32);
    }
  }
}

// The 2-bit codes of Q2_K and Q3_K, whose third bits are in `high`.
template <class Brick>
void UnpackPairs(const Brick& brick, int zero, Codes& codes) {
  for (uint32_t r = 0; r < kTileRows; ++r) {
    for (uint32_t k = 0; k < kBrickK; ++k) {
      const uint32_t quad = k / 4, byte = r * 4 + k % 4;
      int code = brick.low[k / 16][byte] >> (quad % 4 * 2) & 3;
      if constexpr (requires { brick.high; })
        code |= (brick.high[k / 32][byte] >> quad % 8 & 1) << 2;
      codes.q[r][k] = static_cast<int8_t>(code - zero);
    }
  }
}
void Unpack(const BrickQ2_K& brick, Codes& codes) { UnpackPairs(brick, 0, codes); }
void Unpack(const BrickQ3_K& brick, Codes& codes) { UnpackPairs(brick, 4, codes); }

template <class Brick>
BlockSums Sums(const Brick& brick, const Codes& codes, const ActivationQ8x256& a, uint32_t r) {
  constexpr uint32_t kGroups = sizeof(brick.scales) / kTileRows, kWidth = kBrickK / kGroups;
  const int16_t* a_sums = kGroups == 8 ? a.sum32 : a.sum16;
  BlockSums sums = {0, 0};
  for (uint32_t g = 0; g < kGroups; ++g) {
    sums.scaled += brick.scales[g][r] * Dot(codes.q[r] + g * kWidth, a.q + g * kWidth, kWidth);
    if constexpr (requires { brick.mins; }) {
      sums.mins += brick.mins[g / 2][r][g % 2] * a_sums[g];
    }
  }
  return sums;
}

// Per 256 k: v = d * scaled; with mins, v = fma(-dmin, mins, v); acc = fma(d_a, v, acc).
template <class Brick>
void SuperBrick(const MultiplyArgs& args, uint32_t tile, const Brick& brick, uint32_t index,
                Codes& codes) {
  Unpack(brick, codes);
  for (uint32_t t = 0; t < args.tokens; ++t) {
    const auto& a = reinterpret_cast<const ActivationQ8x256*>(args.activations +
                                                              t * args.activation_stride)[index];
    float* out = args.out + t * args.out_stride + tile * kTileRows;
    for (uint32_t r = 0; r < RowsOfTile(args, tile); ++r) {
      const BlockSums sums = Sums(brick, codes, a, r);
      float v = F16ToF32(brick.d[r]) * static_cast<float>(sums.scaled);
      if constexpr (requires { brick.dmin; }) {
        v = std::fma(-F16ToF32(brick.dmin[r]), static_cast<float>(sums.mins), v);
      }
      out[r] = std::fma(a.d, v, out[r]);
    }
  }
}

template <class Brick>
void MultiplySuperBlocks(const MultiplyArgs& args) {
  Codes codes;
  const auto* bricks = reinterpret_cast<const Brick*>(args.weights);
  for (uint32_t tile = 0; tile * kTileRows < args.rows; ++tile) {
    ClearTile(args, tile, RowsOfTile(args, tile));
    for (uint32_t b = 0; b < args.cols / kBrickK; ++b) SuperBrick(args, tile, *bricks++, b, codes);
  }
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightQ8_0] = MultiplySmallBlocks<kLayoutQ8_0>;
  table.multiply[kWeightQ4_0] = MultiplySmallBlocks<kLayoutQ4_0>;
  table.multiply[kWeightQ4_1] = MultiplySmallBlocks<kLayoutQ4_1>;
  table.multiply[kWeightQ5_0] = MultiplySmallBlocks<kLayoutQ5_0>;
  table.multiply[kWeightQ5_1] = MultiplySmallBlocks<kLayoutQ5_1>;
  table.multiply[kWeightQ4_K] = MultiplySuperBlocks<BrickQ4_K>;
  table.multiply[kWeightQ5_K] = MultiplySuperBlocks<BrickQ5_K>;
  table.multiply[kWeightQ6_K] = MultiplySuperBlocks<BrickQ6_K>;
  table.multiply[kWeightQ2_K] = MultiplySuperBlocks<BrickQ2_K>;
  table.multiply[kWeightQ3_K] = MultiplySuperBlocks<BrickQ3_K>;
  table.multiply[kWeightIQ4_NL] = MultiplySmallBlocks<kLayoutIQ4_NL>;
  table.multiply[kWeightIQ4_XS] = MultiplySmallBlocks<kLayoutIQ4_XS>;
  table.multiply[kWeightMXFP4] = MultiplySmallBlocks<kLayoutMXFP4>;
  return table;
}

}  // namespace

constinit const MatmulKernels kPortableIntegers = Table();

}  // namespace ingle
