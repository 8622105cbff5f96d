#include "kernels/tier_check.h"

#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "kernels/bricks.h"
#include "kernels/dispatch.h"

namespace ingle {
namespace {

constexpr uint32_t kRows = 32, kCols = 96, kTokens = 17, kBricks = kCols / 32;
constexpr uint32_t kTiles = kRows / kTileRows;

// Xorshift (Marsaglia, Journal of Statistical Software 8(14), 2003): any mixed bits will do.
uint32_t NextBits(uint32_t& state) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

// Magnitudes of several powers of two and either sign: sums whose rounding depends on the order.
float NextFloat(uint32_t& state) {
  const uint32_t bits = NextBits(state);
  const uint32_t exponent = 120 + (bits >> 23 & 7);
  return std::bit_cast<float>((bits & 0x807fffffu) | exponent << 23);
}

// The same magnitudes as a half float (5 bits of exponent, 10 of fraction) or as bf16.
uint16_t NextWeight(WeightType type, uint32_t& state) {
  const uint32_t bits = std::bit_cast<uint32_t>(NextFloat(state));
  if (type == kWeightBf16) return static_cast<uint16_t>(bits >> 16);
  const uint32_t exponent = (bits >> 23 & 0xff) - 127 + 15;
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3ff));
}

bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle, WeightType type,
              ActivationKind kind, size_t block_bytes) {
  uint32_t state = 2463534242u;
  std::vector<BrickHalf> weights(kTiles * kBricks);
  for (BrickHalf& brick : weights)
    for (auto& pair : brick.w)
      for (auto& row : pair)
        for (uint16_t& w : row) w = NextWeight(type, state);
  const size_t stride = kBricks * block_bytes;
  std::vector<std::array<std::byte, 64>> room(kTokens * stride / 64 + 1);
  auto* activations = reinterpret_cast<uint8_t*>(room.data());
  activations += -reinterpret_cast<uintptr_t>(activations) & 63;
  for (uint32_t t = 0; t < kTokens; ++t) {
    std::array<float, kCols> x;
    for (float& value : x) value = NextFloat(state);
    oracle.quantize[kind](x.data(), kCols, activations + t * stride);
  }
  std::vector<float> got(kTokens * kRows), want(kTokens * kRows);
  MultiplyArgs args = {.weights = reinterpret_cast<const uint8_t*>(weights.data()),
                       .rows = kRows,
                       .cols = kCols,
                       .activations = activations,
                       .activation_stride = stride,
                       .tokens = kTokens,
                       .out = want.data(),
                       .out_stride = kRows};
  oracle.multiply[type](args);
  args.out = got.data();
  tier.multiply[type](args);
  return std::memcmp(got.data(), want.data(), want.size() * sizeof(float)) == 0;
}

}  // namespace

bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle) {
  EnterKernelThread();
  return SameBits(tier, oracle, kWeightBf16, kActivationBf16, sizeof(ActivationBf16)) &&
         SameBits(tier, oracle, kWeightF16, kActivationBf16x2, sizeof(ActivationBf16x2));
}

}  // namespace ingle
