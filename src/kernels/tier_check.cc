#include "kernels/tier_check.h"

#include <setjmp.h>
#include <signal.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ranges>
#include <vector>

#include "kernels/bricks.h"
#include "kernels/dispatch.h"

namespace ingle {
namespace {

constexpr uint32_t kRows = 32, kTokens = 33, kTiles = kRows / kTileRows;

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
  if (type == kWeightBf16) {
    const bool subnormal = NextBits(state) >> 28 == 0;  // Taken for zero.
    return static_cast<uint16_t>(bits >> 16 & (subnormal ? 0x807fu : 0xffffu));
  }
  const uint32_t exponent = (bits >> 23 & 0xff) - 127 + 15;
  return static_cast<uint16_t>((bits >> 16 & 0x8000) | exponent << 10 | (bits >> 13 & 0x3ff));
}

// Bytes from the first multiple of 64 on.
class Aligned {
 public:
  explicit Aligned(size_t bytes) : room_(bytes + 63) {}
  uint8_t* get() { return room_.data() + (-reinterpret_cast<uintptr_t>(room_.data()) & 63); }

 private:
  std::vector<uint8_t> room_;
};

constexpr uint16_t kScale = 0x2c00;  // 1/16 as a half float.

void MakeHalves(WeightType type, uint8_t* to, size_t bytes, uint32_t& state) {
  for (size_t i = 0; i < bytes; i += sizeof(uint16_t)) {
    const uint16_t weight = NextWeight(type, state);
    std::memcpy(to + i, &weight, sizeof(weight));
  }
}

void MakeBytes(uint8_t* to, size_t bytes, uint32_t& state) {
  for (size_t i = 0; i < bytes; ++i) to[i] = static_cast<uint8_t>(NextBits(state) >> 8);
}

void MakeSmallBlocks(uint8_t* to, size_t tile_bytes, uint32_t groups, uint32_t& state) {
  MakeBytes(to, kTiles * tile_bytes, state);
  for (uint32_t tile = 0; tile < kTiles; ++tile) {
    auto* scales =
        reinterpret_cast<uint16_t*>(to + tile * tile_bytes + ScaleOffset(kLayoutQ8_0, groups));
    std::fill_n(scales, groups * kTileRows, kScale);
  }
}

void MakeSuperBlocks(uint8_t* to, uint32_t& state) {
  MakeBytes(to, kTiles * sizeof(BrickQ4_K), state);
  for (uint32_t tile = 0; tile < kTiles; ++tile) {
    auto& brick = reinterpret_cast<BrickQ4_K*>(to)[tile];
    for (auto& group : brick.scales)
      for (uint8_t& scale : group) scale &= 63;
    for (auto& pair : brick.mins)
      for (auto& row : pair)
        for (uint8_t& min : row) min &= 63;
    std::fill_n(brick.d, kTileRows, kScale);
    std::fill_n(brick.dmin, kTileRows, kScale);
  }
}

// One of each way to multiply.
struct Case {
  WeightType type;
  ActivationKind kind;
  uint32_t cols;
  size_t tile_bytes;
  size_t activation_bytes;
};
constexpr Case kCases[] = {
    {kWeightBf16, kActivationBf16, 96, 3 * sizeof(BrickHalf), 3 * sizeof(ActivationBf16)},
    {kWeightF16, kActivationBf16x2, 96, 3 * sizeof(BrickHalf), 3 * sizeof(ActivationBf16x2)},
    {kWeightQ8_0, kActivationQ8x32, 96, SmallTileBytes(kLayoutQ8_0, 96), sizeof(ActivationQ8x32)},
    {kWeightQ4_K, kActivationQ8x256, 256, sizeof(BrickQ4_K), sizeof(ActivationQ8x256)},
};

// For the largest case. Made before anything may trap: a jump out of a trap passes by destructors.
struct Room {
  static constexpr size_t Largest(size_t Case::* size) {
    return std::ranges::max(kCases | std::views::transform(size));
  }
  Aligned weights{kTiles * Largest(&Case::tile_bytes)};
  Aligned activations{kTokens * Largest(&Case::activation_bytes)};
  float x[256];
  float got[kTokens * kRows], want[kTokens * kRows];
};
static_assert(std::ranges::all_of(kCases, [](const Case& c) { return c.cols <= 256; }));

void MakeActivations(const MatmulKernels& tier, const Case& c, uint32_t state, Room& room) {
  for (uint32_t t = 0; t < kTokens; ++t) {
    std::generate_n(room.x, c.cols, [&] { return NextFloat(state); });
    tier.quantize[c.kind](room.x, c.cols, room.activations.get() + t * c.activation_bytes);
  }
}

bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle, const Case& c, Room& room) {
  uint32_t state = 2463534242u;
  Aligned &weights = room.weights, &activations = room.activations;
  if (c.type == kWeightQ8_0) {
    MakeSmallBlocks(weights.get(), c.tile_bytes, c.cols / kGroupK, state);
  } else if (c.type == kWeightQ4_K) {
    MakeSuperBlocks(weights.get(), state);
  } else {
    MakeHalves(c.type, weights.get(), kTiles * c.tile_bytes, state);
  }
  MultiplyArgs args = {.weights = weights.get(),
                       .rows = kRows,
                       .cols = c.cols,
                       .activations = activations.get(),
                       .activation_stride = c.activation_bytes,
                       .tokens = kTokens,
                       .out = room.want,
                       .out_stride = kRows,
                       .pairs = tier.pairs[c.type]};
  MakeActivations(oracle, c, state, room);
  oracle.multiply[c.type](args);
  args.out = room.got;
  MakeActivations(tier, c, state, room);
  tier.multiply[c.type](args);
  return std::memcmp(room.got, room.want, sizeof(room.want)) == 0;
}

// A hypervisor may promise instructions that it does not let through: the trap ends the check.
sigjmp_buf before_trap;
thread_local volatile bool checking = false;

void OnTrap(int number) {
  if (checking) siglongjmp(before_trap, 1);
  signal(number,
         SIG_DFL);  // Another thread's fault is its own: it comes again and ends the process.
}

bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle, Room& room) {
  EnterKernelThread();
  return std::ranges::all_of(kCases,
                             [&](const Case& c) { return SameBits(tier, oracle, c, room); });
}

}  // namespace

bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle) {
  Room room;
  return SameBits(tier, oracle, room);
}

bool RunsWithSameBits(const MatmulKernels& tier, const MatmulKernels& oracle) {
  Room room;
  struct sigaction action = {}, old_illegal = {}, old_fault = {};
  action.sa_handler = OnTrap;
  sigaction(SIGILL, &action, &old_illegal);
  sigaction(SIGSEGV, &action, &old_fault);
  checking = true;
  const bool same = sigsetjmp(before_trap, 1) == 0 && SameBits(tier, oracle, room);
  checking = false;
  sigaction(SIGILL, &old_illegal, nullptr);
  sigaction(SIGSEGV, &old_fault, nullptr);
  return same;
}

}  // namespace ingle
