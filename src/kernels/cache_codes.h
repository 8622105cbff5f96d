#pragma once
// What a cache of int8 codes (kCacheI8) keeps of a key or value.

#include <cstdint>

namespace ingle {

// codes[i] * scale is about x[i], for up to kCodeBlock elements; returns the scale, a bf16. It is
// max / 127 rounded up to a bf16, and a code is x / scale, to nearest even: no further than half a
// scale away. Zeros for a tiny block; zeros and a scale of NaN for one that is not finite.
uint16_t QuantizeCodes(const float* x, uint32_t count, int8_t* codes);

}  // namespace ingle
