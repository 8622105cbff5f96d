// Q2_K to Q6_K: one super-block of 256 weights of a row goes to one row of a brick.
#include <cstring>

#include "formats/blocks.h"
#include "kernels/bricks.h"
#include "tensor/pack.h"

namespace ingle {
namespace {

constexpr uint32_t kLow = 0x0f0f0f0fu, kHigh = 0xf0f0f0f0u;

uint32_t Word(const uint8_t* at) {
  uint32_t word;
  std::memcpy(&word, at, 4);
  return word;
}
void PutWord(uint8_t* at, uint32_t word) { std::memcpy(at, &word, 4); }

// Sources hold two groups of 32 k in 32 bytes (low and high nibbles); bricks hold two quads of one
// group in 4 bytes.
void PackNibbles(const uint8_t* q, uint8_t* low_group, uint8_t* high_group) {
  for (uint32_t g = 0; g < 4; ++g) {
    const uint32_t even = Word(q + 8 * g), odd = Word(q + 8 * g + 4);
    PutWord(low_group + g * 64, (even & kLow) | (odd & kLow) << 4);
    PutWord(high_group + g * 64, (even & kHigh) >> 4 | (odd & kHigh));
  }
}
void UnpackNibbles(const uint8_t* low_group, const uint8_t* high_group, uint8_t* q) {
  for (uint32_t g = 0; g < 4; ++g) {
    const uint32_t low = Word(low_group + g * 64), high = Word(high_group + g * 64);
    PutWord(q + 8 * g, (low & kLow) | (high & kLow) << 4);
    PutWord(q + 8 * g + 4, (low & kHigh) >> 4 | (high & kHigh));
  }
}

template <class Brick, class Block>
void PackScales(const Block& block, uint32_t row, Brick& brick) {
  for (uint32_t group = 0; group < 8; ++group) {
    const ScaleMin packed = UnpackScaleMin(block.scales, group);
    brick.scales[group][row] = packed.scale;
    brick.mins[group / 2][row][group % 2] = packed.min;
  }
  brick.d[row] = block.d;
  brick.dmin[row] = block.dmin;
}

// The inverse of UnpackScaleMin for all groups.
template <class Brick, class Block>
void UnpackScales(const Brick& brick, uint32_t row, Block& block) {
  for (uint32_t g = 0; g < 4; ++g) {
    const uint32_t scale = brick.scales[g][row], min = brick.mins[g / 2][row][g % 2];
    const uint32_t scale4 = brick.scales[g + 4][row], min4 = brick.mins[g / 2 + 2][row][g % 2];
    block.scales[g] = static_cast<uint8_t>(scale | (scale4 >> 4) << 6);
    block.scales[g + 4] = static_cast<uint8_t>(min | (min4 >> 4) << 6);
    block.scales[g + 8] = static_cast<uint8_t>((scale4 & 15) | (min4 & 15) << 4);
  }
  block.d = brick.d[row];
  block.dmin = brick.dmin[row];
}

void PackRow(const BlockQ4_K& block, uint32_t row, BrickQ4_K& brick) {
  for (uint32_t c = 0; c < 4; ++c) {
    PackNibbles(block.q + 32 * c, brick.codes[2 * c][0] + row * 4,
                brick.codes[2 * c + 1][0] + row * 4);
  }
  PackScales(block, row, brick);
}

void UnpackRow(const BrickQ4_K& brick, uint32_t row, BlockQ4_K& block) {
  for (uint32_t c = 0; c < 4; ++c) {
    UnpackNibbles(brick.codes[2 * c][0] + row * 4, brick.codes[2 * c + 1][0] + row * 4,
                  block.q + 32 * c);
  }
  UnpackScales(brick, row, block);
}

constexpr uint32_t kOnes = 0x01010101u;

void PackRow(const BlockQ5_K& block, uint32_t row, BrickQ5_K& brick) {
  for (uint32_t c = 0; c < 4; ++c) {
    PackNibbles(block.q + 32 * c, brick.codes[2 * c][0] + row * 4,
                brick.codes[2 * c + 1][0] + row * 4);
  }
  for (uint32_t group = 0; group < 8; ++group) {
    uint32_t bits = 0;
    for (uint32_t q = 0; q < 8; ++q) bits |= (Word(block.high + 4 * q) >> group & kOnes) << q;
    PutWord(brick.high[group] + row * 4, bits);
  }
  PackScales(block, row, brick);
}

void UnpackRow(const BrickQ5_K& brick, uint32_t row, BlockQ5_K& block) {
  for (uint32_t c = 0; c < 4; ++c) {
    UnpackNibbles(brick.codes[2 * c][0] + row * 4, brick.codes[2 * c + 1][0] + row * 4,
                  block.q + 32 * c);
  }
  for (uint32_t q = 0; q < 8; ++q) {
    uint32_t bits = 0;
    for (uint32_t group = 0; group < 8; ++group) {
      bits |= (Word(brick.high[group] + row * 4) >> q & kOnes) << group;
    }
    PutWord(block.high + 4 * q, bits);
  }
  UnpackScales(brick, row, block);
}

constexpr uint32_t kPairs = 0x03030303u;

// Source half h: groups of 32 k number 4h..4h+3 have their nibbles in low[64h..] (32 bytes for
// groups 0|2, 32 for 1|3) and bits 2k, 2k + 1 of high[32h + i].
void PackRow(const BlockQ6_K& block, uint32_t row, BrickQ6_K& brick) {
  for (uint32_t half = 0; half < 2; ++half) {
    for (uint32_t k = 0; k < 2; ++k) {
      PackNibbles(block.low + half * 64 + k * 32, brick.codes[half * 4 + k][0] + row * 4,
                  brick.codes[half * 4 + k + 2][0] + row * 4);
    }
    const uint8_t* high = block.high + half * 32;
    for (uint32_t group = 0; group < 8; ++group) {  // Of 16 k.
      const uint32_t shift = group / 2 * 2;
      uint32_t bits = 0;
      for (uint32_t q = 0; q < 4; ++q) {
        bits |= (Word(high + group % 2 * 16 + 4 * q) >> shift & kPairs) << (2 * q);
      }
      PutWord(brick.high[half * 8 + group] + row * 4, bits);
    }
  }
  for (uint32_t group = 0; group < 16; ++group) brick.scales[group][row] = block.scales[group];
  brick.d[row] = block.d;
}

void UnpackRow(const BrickQ6_K& brick, uint32_t row, BlockQ6_K& block) {
  for (uint32_t half = 0; half < 2; ++half) {
    for (uint32_t k = 0; k < 2; ++k) {
      UnpackNibbles(brick.codes[half * 4 + k][0] + row * 4,
                    brick.codes[half * 4 + k + 2][0] + row * 4, block.low + half * 64 + k * 32);
    }
    for (uint32_t i = 0; i < 8; ++i) {  // Four bytes of `high`.
      uint32_t bits = 0;
      for (uint32_t k = 0; k < 4; ++k) {
        const uint32_t packed = Word(brick.high[half * 8 + 2 * k + i / 4] + row * 4);
        bits |= (packed >> (2 * (i % 4)) & kPairs) << (2 * k);
      }
      PutWord(block.high + half * 32 + 4 * i, bits);
    }
  }
  for (uint32_t group = 0; group < 16; ++group) block.scales[group] = brick.scales[group][row];
  block.d = brick.d[row];
}

// Groups 2k and 2k + 1 of 16 of half h have bits 2k, 2k + 1 of q[32h..]. In a brick, bits 2q, 2q +
// 1 belong to quad q of a group.
template <class Brick>
void PackPairs(const uint8_t* source, uint32_t row, Brick& brick) {
  for (uint32_t group = 0; group < 16; ++group) {
    const uint8_t* from = source + group / 8 * 32 + group % 2 * 16;
    const uint32_t shift = group % 8 / 2 * 2;
    uint32_t bits = 0;
    for (uint32_t q = 0; q < 4; ++q) bits |= (Word(from + 4 * q) >> shift & kPairs) << (2 * q);
    PutWord(brick.low[group] + row * 4, bits);
  }
}
template <class Brick>
void UnpackPairs(const Brick& brick, uint32_t row, uint8_t* out) {
  for (uint32_t i = 0; i < 16; ++i) {  // Four bytes of `out`: quad i % 4 of four groups.
    uint32_t bits = 0;
    for (uint32_t k = 0; k < 4; ++k) {
      const uint32_t packed = Word(brick.low[i / 8 * 8 + 2 * k + i % 8 / 4] + row * 4);
      bits |= (packed >> (2 * (i % 4)) & kPairs) << (2 * k);
    }
    PutWord(out + 4 * i, bits);
  }
}

void PackRow(const BlockQ2_K& block, uint32_t row, BrickQ2_K& brick) {
  PackPairs(block.q, row, brick);
  for (uint32_t group = 0; group < 16; ++group) {
    brick.scales[group][row] = block.scales[group] & 15;
    brick.mins[group / 2][row][group % 2] = block.scales[group] >> 4;
  }
  brick.d[row] = block.d;
  brick.dmin[row] = block.dmin;
}

void UnpackRow(const BrickQ2_K& brick, uint32_t row, BlockQ2_K& block) {
  UnpackPairs(brick, row, block.q);
  for (uint32_t group = 0; group < 16; ++group) {
    const uint32_t min = brick.mins[group / 2][row][group % 2];
    block.scales[group] = static_cast<uint8_t>(brick.scales[group][row] | min << 4);
  }
  block.d = brick.d[row];
  block.dmin = brick.dmin[row];
}

void PackRow(const BlockQ3_K& block, uint32_t row, BrickQ3_K& brick) {
  PackPairs(block.q, row, brick);
  for (uint32_t group = 0; group < 8; ++group) {
    uint32_t bits = 0;
    for (uint32_t q = 0; q < 8; ++q) bits |= (Word(block.high + 4 * q) >> group & kOnes) << q;
    PutWord(brick.high[group] + row * 4, bits);
  }
  for (uint32_t group = 0; group < 16; ++group) {
    brick.scales[group][row] = static_cast<int8_t>(UnpackScaleQ3_K(block.scales, group));
  }
  brick.d[row] = block.d;
}

void UnpackRow(const BrickQ3_K& brick, uint32_t row, BlockQ3_K& block) {
  UnpackPairs(brick, row, block.q);
  for (uint32_t q = 0; q < 8; ++q) {
    uint32_t bits = 0;
    for (uint32_t group = 0; group < 8; ++group) {
      bits |= (Word(brick.high[group] + row * 4) >> q & kOnes) << group;
    }
    PutWord(block.high + 4 * q, bits);
  }
  std::memset(block.scales, 0, sizeof(block.scales));
  for (uint32_t group = 0; group < 16; ++group) {  // The inverse of UnpackScaleQ3_K.
    const auto scale = static_cast<uint32_t>(brick.scales[group][row] + 32);
    uint8_t &low = block.scales[group % 8], &high = block.scales[8 + group % 4];
    low = static_cast<uint8_t>(low | (scale & 15) << (group / 8 * 4));
    high = static_cast<uint8_t>(high | (scale >> 4) << (group / 4 * 2));
  }
  block.d = brick.d[row];
}

template <class Brick>
size_t TileBytes(uint32_t cols) {
  return size_t{cols / kBrickK} * sizeof(Brick);
}

template <class Block, class Brick>
void PackTile(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
              std::byte* tile) {
  auto* bricks = reinterpret_cast<Brick*>(tile);
  for (uint32_t b = 0; b < cols / kBrickK; ++b) {
    if (rows < kTileRows) std::memset(&bricks[b], 0, sizeof(Brick));
    if constexpr (requires { bricks[b].padding; }) std::memset(bricks[b].padding, 0, 32);
    for (uint32_t row = 0; row < rows; ++row) {
      Block block;
      std::memcpy(&block, source + row * row_bytes + b * sizeof(Block), sizeof(Block));
      PackRow(block, row, bricks[b]);
    }
  }
}

template <class Block, class Brick>
void UnpackBlock(const std::byte* tile, uint32_t, uint32_t row, uint32_t index, std::byte* out) {
  Block block;
  UnpackRow(reinterpret_cast<const Brick*>(tile)[index], row, block);
  std::memcpy(out, &block, sizeof(block));
}

template <class Block, class Brick>
constexpr PackFormat Format(DType type, WeightType weight) {
  return {type,
          weight,
          kActivationQ8x256,
          kBrickK,
          TileBytes<Brick>,
          PackTile<Block, Brick>,
          UnpackBlock<Block, Brick>,
          type};
}

}  // namespace

const PackFormat kPackQ2_K = Format<BlockQ2_K, BrickQ2_K>(DType::kQ2_K, kWeightQ2_K);
const PackFormat kPackQ3_K = Format<BlockQ3_K, BrickQ3_K>(DType::kQ3_K, kWeightQ3_K);
const PackFormat kPackQ4_K = Format<BlockQ4_K, BrickQ4_K>(DType::kQ4_K, kWeightQ4_K);
const PackFormat kPackQ5_K = Format<BlockQ5_K, BrickQ5_K>(DType::kQ5_K, kWeightQ5_K);
const PackFormat kPackQ6_K = Format<BlockQ6_K, BrickQ6_K>(DType::kQ6_K, kWeightQ6_K);

}  // namespace ingle
