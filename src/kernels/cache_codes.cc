#include "kernels/cache_codes.h"

#include <bit>
#include <cstring>

#include "kernels/bricks.h"

namespace ingle {

uint16_t QuantizeCodes(const float* x, uint32_t count, int8_t* codes) {
  constexpr uint32_t kInfinity = 0x7f800000u;
  constexpr uint16_t kNan = 0x7fc0;
  uint32_t top = 0;  // As bits, which order as integers: a NaN is above infinity.
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]) & 0x7fffffffu;
    top = bits > top ? bits : top;
  }
  const float maximum = std::bit_cast<float>(top);
  if (top >= kInfinity || maximum < kSmallestGroupMaximum) {
    std::memset(codes, 0, count);
    return top >= kInfinity ? kNan : uint16_t{0};
  }
  const uint32_t bits = std::bit_cast<uint32_t>(maximum / 127.0f) + 0xffffu;
  const float inverse = 1.0f / std::bit_cast<float>(bits & 0xffff0000u);
  // Adding 1.5 * 2^23 rounds to an integer in the low bits, ties to even.
  for (uint32_t i = 0; i < count; ++i)
    codes[i] = static_cast<int8_t>(std::bit_cast<uint32_t>(x[i] * inverse + 12582912.0f));
  return static_cast<uint16_t>(bits >> 16);
}

}  // namespace ingle
