// Q8_0, Q4_*, Q5_*, IQ4_*, MXFP4: one block (or eighth of one) of 32 weights of a row goes to one
// group of a brick.
#include <cstring>

#include "formats/blocks.h"
#include "formats/half.h"
#include "kernels/bricks.h"
#include "tensor/pack.h"

namespace ingle {
namespace {

// Where the group of a row lies within a tile.
struct Place {
  uint8_t *codes, *high;  // The group's codes and fifth bits, of all rows.
  uint8_t *d, *m;         // This row's half floats.
};

template <SmallBlockLayout kLayout>
Place Locate(std::byte* tile, uint32_t cols, uint32_t row, uint32_t group) {
  const uint32_t brick = group / 8, slot = group % 8;
  const uint32_t groups = cols / kGroupK - brick * 8 < 8 ? cols / kGroupK - brick * 8 : 8;
  auto* base = reinterpret_cast<uint8_t*>(tile) + size_t{brick} * SmallBrickBytes(kLayout, 8);
  return {base + slot * CodeBytes(kLayout), base + HighOffset(kLayout, groups) + slot * 64,
          base + ScaleOffset(kLayout, groups) + (slot * 16 + row) * (ScaleBytes(kLayout) / 16),
          base + MinOffset(kLayout, groups) + (slot * 16 + row) * 2};
}

// The block's fields, so that one pair of functions serves the four types with 4-bit codes.
struct Fields {
  uint16_t d = 0, m = 0;
  uint32_t high = 0;
  uint32_t q[4] = {};  // Word i: weights 4i..4i+3 in the low, 16 + 4i.. in the high nibbles.
};

template <class Block>
Fields Read(const std::byte* source) {
  Block block;
  std::memcpy(&block, source, sizeof(block));
  Fields fields;
  fields.d = block.d;
  if constexpr (requires { block.m; }) fields.m = block.m;
  if constexpr (requires { block.high; }) std::memcpy(&fields.high, block.high, 4);
  std::memcpy(fields.q, block.q, 16);
  return fields;
}

template <class Block>
void Write(const Fields& fields, std::byte* out) {
  Block block;
  block.d = fields.d;
  if constexpr (requires { block.m; }) block.m = fields.m;
  if constexpr (requires { block.high; }) std::memcpy(block.high, &fields.high, 4);
  std::memcpy(block.q, fields.q, 16);
  std::memcpy(out, &block, sizeof(block));
}

// Bits 4q..4q+3 of `high` (fifth bits of quad q) <-> bit q of each of four bytes.
void PutFifthBits(uint32_t high, uint8_t* bytes) {
  for (uint32_t i = 0; i < 4; ++i) {
    uint32_t byte = 0;
    for (uint32_t q = 0; q < 8; ++q) byte |= (high >> (4 * q + i) & 1u) << q;
    bytes[i] = static_cast<uint8_t>(byte);
  }
}
uint32_t TakeFifthBits(const uint8_t* bytes) {
  uint32_t high = 0;
  for (uint32_t i = 0; i < 4; ++i) {
    for (uint32_t q = 0; q < 8; ++q) high |= (bytes[i] >> q & 1u) << (4 * q + i);
  }
  return high;
}

constexpr uint32_t kLow = 0x0f0f0f0fu, kHigh = 0xf0f0f0f0u;

template <class Block, SmallBlockLayout kLayout>
void PackNibbles(const std::byte* source, const Place& to, uint32_t row) {
  const Fields f = Read<Block>(source);
  // Quads 0..3 are the low nibbles of the four words, 4..7 the high ones.
  const uint32_t pairs[4] = {
      (f.q[0] & kLow) | (f.q[1] & kLow) << 4, (f.q[2] & kLow) | (f.q[3] & kLow) << 4,
      (f.q[0] & kHigh) >> 4 | (f.q[1] & kHigh), (f.q[2] & kHigh) >> 4 | (f.q[3] & kHigh)};
  for (uint32_t g = 0; g < 4; ++g) std::memcpy(to.codes + g * 64 + row * 4, &pairs[g], 4);
  if constexpr (kLayout.bits == 5) PutFifthBits(f.high, to.high + row * 4);
  std::memcpy(to.d, &f.d, 2);
  if constexpr (kLayout.has_min) std::memcpy(to.m, &f.m, 2);
}

template <class Block, SmallBlockLayout kLayout>
void UnpackNibbles(const Place& from, uint32_t row, std::byte* out) {
  uint32_t p[4];
  for (uint32_t g = 0; g < 4; ++g) std::memcpy(&p[g], from.codes + g * 64 + row * 4, 4);
  Fields f;
  f.q[0] = (p[0] & kLow) | (p[2] & kLow) << 4;
  f.q[1] = (p[0] & kHigh) >> 4 | (p[2] & kHigh);
  f.q[2] = (p[1] & kLow) | (p[3] & kLow) << 4;
  f.q[3] = (p[1] & kHigh) >> 4 | (p[3] & kHigh);
  if constexpr (kLayout.bits == 5) f.high = TakeFifthBits(from.high + row * 4);
  std::memcpy(&f.d, from.d, 2);
  if constexpr (kLayout.has_min) std::memcpy(&f.m, from.m, 2);
  Write<Block>(f, out);
}

void PackBytes(const std::byte* source, const Place& to, uint32_t row) {
  BlockQ8_0 block;
  std::memcpy(&block, source, sizeof(block));
  for (uint32_t q = 0; q < 8; ++q) {
    uint32_t word;
    std::memcpy(&word, block.q + q * 4, 4);
    word ^= 0x80808080u;  // q + 128
    std::memcpy(to.codes + q * 64 + row * 4, &word, 4);
  }
  std::memcpy(to.d, &block.d, 2);
}

void UnpackBytes(const Place& from, uint32_t row, std::byte* out) {
  BlockQ8_0 block;
  for (uint32_t q = 0; q < 8; ++q) {
    uint32_t word;
    std::memcpy(&word, from.codes + q * 64 + row * 4, 4);
    word ^= 0x80808080u;
    std::memcpy(block.q + q * 4, &word, 4);
  }
  std::memcpy(&block.d, from.d, 2);
  std::memcpy(out, &block, sizeof(block));
}

// Codes of 32 weights as Q4_0 has them.
void PackQuads(const uint8_t* q, const Place& to, uint32_t row) {
  uint32_t words[4];
  std::memcpy(words, q, sizeof(words));
  const uint32_t pairs[4] = {
      (words[0] & kLow) | (words[1] & kLow) << 4, (words[2] & kLow) | (words[3] & kLow) << 4,
      (words[0] & kHigh) >> 4 | (words[1] & kHigh), (words[2] & kHigh) >> 4 | (words[3] & kHigh)};
  for (uint32_t g = 0; g < 4; ++g) std::memcpy(to.codes + g * 64 + row * 4, &pairs[g], 4);
}

// A codebook's codes with the group's own scale as a float: MXFP4's exponent, IQ4_XS's product of
// two scales, which is exact (11 bits times 6).
void PackGroup(const BlockMXFP4& block, uint32_t, const Place& to, uint32_t row) {
  const uint32_t scale = Mxfp4ScaleBits(block.exponent);
  PackQuads(block.q, to, row);
  std::memcpy(to.d, &scale, 4);
}
void PackGroup(const BlockIQ4_XS& block, uint32_t group, const Place& to, uint32_t row) {
  const float scale = F16ToF32(block.d) * static_cast<float>(UnpackScaleIQ4_XS(block, group));
  PackQuads(block.q + group * 16, to, row);
  std::memcpy(to.d, &scale, 4);
}

template <SmallBlockLayout kLayout>
size_t TileBytes(uint32_t cols) {
  return SmallTileBytes(kLayout, cols);
}

template <class Block, SmallBlockLayout kLayout>
void PackTile(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
              std::byte* tile) {
  // Rows that are not there keep scales of zero; so does the filling at the end of a brick.
  if (rows < kTileRows || cols % kBrickK != 0) std::memset(tile, 0, TileBytes<kLayout>(cols));
  for (uint32_t group = 0; group < cols / kGroupK; ++group) {
    for (uint32_t row = 0; row < rows; ++row) {
      const std::byte* block = source + row * row_bytes + group * sizeof(Block);
      const Place to = Locate<kLayout>(tile, cols, row, group);
      if constexpr (kLayout.bits == 8) {
        PackBytes(block, to, row);
      } else {
        PackNibbles<Block, kLayout>(block, to, row);
      }
    }
  }
}

template <class Block, SmallBlockLayout kLayout>
void UnpackBlock(const std::byte* tile, uint32_t cols, uint32_t row, uint32_t block,
                 std::byte* out) {
  const Place from = Locate<kLayout>(const_cast<std::byte*>(tile), cols, row, block);
  if constexpr (kLayout.bits == 8) {
    UnpackBytes(from, row, out);
  } else {
    UnpackNibbles<Block, kLayout>(from, row, out);
  }
}

template <class Block, SmallBlockLayout kLayout, uint32_t kWeights>
void PackWideTile(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
                  std::byte* tile) {
  if (rows < kTileRows || cols % kBrickK != 0) std::memset(tile, 0, TileBytes<kLayout>(cols));
  constexpr uint32_t kGroups = kWeights / kGroupK;
  for (uint32_t b = 0; b < cols / kWeights; ++b) {
    for (uint32_t row = 0; row < rows; ++row) {
      Block block;
      std::memcpy(&block, source + row * row_bytes + b * sizeof(Block), sizeof(Block));
      for (uint32_t group = 0; group < kGroups; ++group) {
        PackGroup(block, group, Locate<kLayout>(tile, cols, row, b * kGroups + group), row);
      }
    }
  }
}

// One weight.
template <SmallBlockLayout kLayout>
void UnpackWide(const std::byte* tile, uint32_t cols, uint32_t row, uint32_t k, std::byte* out) {
  const Place from = Locate<kLayout>(const_cast<std::byte*>(tile), cols, row, k / kGroupK);
  const uint32_t quad = k % kGroupK / 4;
  const uint32_t code = from.codes[quad / 2 * 64 + row * 4 + k % 4] >> (quad % 2 * 4) & 15u;
  float scale;
  std::memcpy(&scale, from.d, sizeof(scale));
  const float value =
      scale * static_cast<float>(kCodebookValues[static_cast<size_t>(kLayout.codebook)][code]);
  std::memcpy(out, &value, sizeof(value));
}

template <class Block, SmallBlockLayout kLayout, uint32_t kWeights>
constexpr PackFormat WideFormat(DType type, WeightType weight) {
  return {type,
          weight,
          kActivationQ8x32,
          kWeights,
          TileBytes<kLayout>,
          PackWideTile<Block, kLayout, kWeights>,
          UnpackWide<kLayout>,
          DType::kF32};
}

constexpr bool CodebooksAgree() {
  for (uint32_t i = 0; i < 16; ++i) {
    if (kCodebookValues[static_cast<size_t>(Codebook::kIq4)][i] != kIq4Values[i] ||
        kCodebookValues[static_cast<size_t>(Codebook::kMxfp4)][i] != kMxfp4Values[i])
      return false;
  }
  return true;
}
static_assert(CodebooksAgree());

template <class Block, SmallBlockLayout kLayout>
constexpr PackFormat Format(DType type, WeightType weight) {
  return {type,
          weight,
          kActivationQ8x32,
          kGroupK,
          TileBytes<kLayout>,
          PackTile<Block, kLayout>,
          UnpackBlock<Block, kLayout>,
          type};
}

}  // namespace

const PackFormat kPackQ8_0 = Format<BlockQ8_0, kLayoutQ8_0>(DType::kQ8_0, kWeightQ8_0);
const PackFormat kPackQ4_0 = Format<BlockQ4_0, kLayoutQ4_0>(DType::kQ4_0, kWeightQ4_0);
const PackFormat kPackQ4_1 = Format<BlockQ4_1, kLayoutQ4_1>(DType::kQ4_1, kWeightQ4_1);
const PackFormat kPackQ5_0 = Format<BlockQ5_0, kLayoutQ5_0>(DType::kQ5_0, kWeightQ5_0);
const PackFormat kPackQ5_1 = Format<BlockQ5_1, kLayoutQ5_1>(DType::kQ5_1, kWeightQ5_1);
const PackFormat kPackIQ4_NL = Format<BlockIQ4_NL, kLayoutIQ4_NL>(DType::kIQ4_NL, kWeightIQ4_NL);
const PackFormat kPackIQ4_XS =
    WideFormat<BlockIQ4_XS, kLayoutIQ4_XS, kSuperBlock>(DType::kIQ4_XS, kWeightIQ4_XS);
const PackFormat kPackMXFP4 =
    WideFormat<BlockMXFP4, kLayoutMXFP4, kSmallBlock>(DType::kMXFP4, kWeightMXFP4);

}  // namespace ingle
