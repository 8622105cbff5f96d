#pragma once
// What the bytes of each stored type mean, as floats: plain scalar code, the reference that kernels
// are tested against.

#include <cstddef>

#include "formats/dtype.h"

namespace ingle {

// blocks: any alignment; weights: a multiple of the type's block; out: float[weights].
using DequantizeFunction = void (*)(const std::byte* blocks, size_t weights, float* out);

// Null for a type whose values this build cannot read (its name and size are known all the same).
DequantizeFunction FindDequantize(DType type);

}  // namespace ingle
