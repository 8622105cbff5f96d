// F32, F16 and BF16: plain permutations; padding is zero.
#include <cstring>

#include "kernels/bricks.h"
#include "tensor/pack.h"

namespace ingle {
namespace {

constexpr uint32_t CeilDiv(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

size_t F32TileBytes(uint32_t cols) { return size_t{CeilDiv(cols, 16)} * sizeof(BrickF32); }

void PackF32Tile(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
                 std::byte* tile) {
  auto* bricks = reinterpret_cast<BrickF32*>(tile);
  for (uint32_t b = 0; b < CeilDiv(cols, 16); ++b) {
    const uint32_t count = cols - b * 16 < 16 ? cols - b * 16 : 16;
    if (rows < kTileRows || count < 16) std::memset(&bricks[b], 0, sizeof(BrickF32));
    for (uint32_t r = 0; r < rows; ++r) {
      std::memcpy(bricks[b].w[r], source + r * row_bytes + size_t{b} * 16 * 4, count * 4);
    }
  }
}

void UnpackF32(const std::byte* tile, uint32_t, uint32_t row, uint32_t block, std::byte* out) {
  const auto* bricks = reinterpret_cast<const BrickF32*>(tile);
  std::memcpy(out, &bricks[block / 16].w[row][block % 16], 4);
}

size_t HalfTileBytes(uint32_t cols) { return size_t{CeilDiv(cols, 32)} * sizeof(BrickHalf); }

void PackHalfTile(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
                  std::byte* tile) {
  auto* bricks = reinterpret_cast<BrickHalf*>(tile);
  for (uint32_t b = 0; b < CeilDiv(cols, 32); ++b) {
    const uint32_t count = cols - b * 32 < 32 ? cols - b * 32 : 32;
    if (rows < kTileRows || count < 32) std::memset(&bricks[b], 0, sizeof(BrickHalf));
    for (uint32_t r = 0; r < rows; ++r) {
      uint16_t row[32] = {};
      std::memcpy(row, source + r * row_bytes + size_t{b} * 32 * 2, count * 2);
      for (uint32_t k = 0; k < 32; k += 2) std::memcpy(bricks[b].w[k / 2][r], &row[k], 4);
    }
  }
}

void UnpackHalf(const std::byte* tile, uint32_t, uint32_t row, uint32_t block, std::byte* out) {
  const auto* bricks = reinterpret_cast<const BrickHalf*>(tile);
  std::memcpy(out, &bricks[block / 32].w[block % 32 / 2][row][block % 2], 2);
}

}  // namespace

const PackFormat kPackF32 = {DType::kF32,  kWeightF32,  kActivationF32, 1,
                             F32TileBytes, PackF32Tile, UnpackF32,      DType::kF32};
const PackFormat kPackF16 = {DType::kF16,   kWeightF16,   kActivationBf16x2, 1,
                             HalfTileBytes, PackHalfTile, UnpackHalf,        DType::kF16};
const PackFormat kPackBf16 = {DType::kBF16,  kWeightBf16,  kActivationBf16, 1,
                              HalfTileBytes, PackHalfTile, UnpackHalf,      DType::kBF16};

}  // namespace ingle
