#pragma once
// Sums of products of codes and activations. A register holds one quad of four rows; sdot takes it
// against four activations, which are a lane of another register.

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace ingle {
namespace {

inline constexpr uint32_t kQuarters = 4;  // Registers that hold a number of each of 16 rows.

// Quads 2p and 2p + 1 of four rows, signed.
struct TwoQuads {
  int8x16_t even, odd;
};

inline int8x16_t Signed(uint8x16_t x) { return vreinterpretq_s8_u8(x); }

// Bits of x moved up (down where negative), which drops what leaves the byte.
inline uint8x16_t MoveUp(uint8x16_t x, uint32_t up, uint32_t down) {
  return vshlq_u8(x,
                  vdupq_n_s8(static_cast<int8_t>(static_cast<int>(up) - static_cast<int>(down))));
}

// Where `mask` has ones the bits of `bits`, else those of x.
inline uint8x16_t Insert(uint8x16_t x, uint8x16_t bits, uint8_t mask) {
  return vbslq_u8(vdupq_n_u8(mask), bits, x);
}

inline float32x4_t Half4(const void* halves) {
  return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(static_cast<const uint8_t*>(halves))));
}

// One of the two pairs of quads that 16 k make. (A lane's number must be a constant.)
template <int kPair, uint32_t T, class Codes>
[[gnu::always_inline]] inline void AddPair(const Codes& codes, uint32_t sixteen,
                                           const int8x16_t (&a)[T],
                                           int32x4_t (&sum)[T][kQuarters]) {
#pragma GCC unroll 4
  for (uint32_t r = 0; r < kQuarters; ++r) {
    const TwoQuads w = codes.Pair(2 * sixteen + kPair, r);
#pragma GCC unroll 4
    for (uint32_t t = 0; t < T; ++t) {
      sum[t][r] = vdotq_laneq_s32(sum[t][r], w.even, a[t], 2 * kPair);
      sum[t][r] = vdotq_laneq_s32(sum[t][r], w.odd, a[t], 2 * kPair + 1);
    }
  }
}

// sum += codes . activations over 16 k of a brick. Codes::Pair(p, r): quads 2p and 2p + 1 of the
// brick of rows 4r...; a: each token's int8 of the brick.
template <uint32_t T, class Codes>
[[gnu::always_inline]] inline void AddSixteen(const Codes& codes, uint32_t sixteen,
                                              const int8_t* const (&a)[T],
                                              int32x4_t (&sum)[T][kQuarters]) {
  int8x16_t x[T];
#pragma GCC unroll 4
  for (uint32_t t = 0; t < T; ++t) x[t] = vld1q_s8(a[t] + sixteen * 16);
  AddPair<0>(codes, sixteen, x, sum);
  AddPair<1>(codes, sixteen, x, sum);
}

}  // namespace
}  // namespace ingle
