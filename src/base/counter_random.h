#pragma once
// Random numbers without state: a draw is a function of (seed, position, purpose), so that a
// generation can be replayed, resumed or batched without changing what it says. Philox4x32-10 of
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).

#include <array>
#include <cstdint>

namespace ingle {

// Ten rounds of Philox on a 128-bit counter under a 64-bit key.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Draws for different purposes at the same position are independent. Values are part of what a seed
// means: never renumber.
enum class DrawPurpose : uint32_t { kToken = 0, kXtc = 1, kTest = 2 };

// Uniform in [0, 1) with 53 bits.
double UniformDraw(uint64_t seed, uint64_t position, DrawPurpose purpose);

}  // namespace ingle
