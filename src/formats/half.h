#pragma once
// The two 16-bit float formats, converted in plain integer arithmetic: IEEE 754 binary16 and
// bfloat16.

#include <bit>
#include <cstdint>

namespace ingle {

// Exact for every input, subnormals, infinities and NaNs included.
constexpr float F16ToF32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  uint32_t fraction = half & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  if (fraction == 0) return std::bit_cast<float>(sign);
  // Subnormal: move the leading one to bit 10.
  const uint32_t shift = static_cast<uint32_t>(std::countl_zero(fraction)) - 21;
  fraction = (fraction << shift) & 0x3ffu;
  return std::bit_cast<float>(sign | (113 - shift) << 23 | fraction << 13);
}

constexpr float Bf16ToF32(uint16_t half) {
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
constexpr uint16_t F32ToBf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// Rounds to nearest, ties to even; what F16 cannot hold becomes an infinity, a NaN stays one.
constexpr uint16_t F32ToF16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  }
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  const uint32_t exponent = magnitude >> 23;
  if (exponent >= 113) {  // A normal half: move the exponent's zero, then round 13 bits away.
    const uint32_t moved = magnitude - (112u << 23);
    return static_cast<uint16_t>(sign | ((moved + 0xfffu + ((moved >> 13) & 1u)) >> 13));
  }
  if (exponent < 102) return static_cast<uint16_t>(sign);  // Less than half the least subnormal.
  const uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u, shift = 126 - exponent;
  const uint32_t half = (1u << (shift - 1)) - 1u + ((fraction >> shift) & 1u);
  return static_cast<uint16_t>(sign | ((fraction + half) >> shift));
}

}  // namespace ingle
