#pragma once
// The way back from floats to stored types: what `ingle convert` and `ingle quantize` write. Plain
// scalar code, the same bytes on every machine. The small blocks are those of ggml's reference
// functions, bit by bit; the K-quants search scales (and minimums) for the least weighted error, as
// published with them (github.com/ggml-org/llama.cpp, pull request 1684 and later ones).

#include <cstddef>
#include <span>

#include "formats/dtype.h"

namespace ingle {

// weights: float[count], count a multiple of the type's block, each within QuantizeLimit(type);
// out: their blocks, any alignment.
using QuantizeFunction = void (*)(const float* weights, size_t count, std::byte* out);

// Null for a type that this build does not write.
QuantizeFunction FindQuantize(DType type);

// The largest magnitude that the type can take; infinite where it keeps everything (F32, BF16).
float QuantizeLimit(DType type);

// Where the first weight past the limit (or no number at all) stands; weights.size(): nowhere.
size_t FindUnquantizable(DType type, std::span<const float> weights);

// quantize_super_blocks.cc
void QuantizeQ4_K(const float* weights, size_t count, std::byte* out);
void QuantizeQ5_K(const float* weights, size_t count, std::byte* out);
void QuantizeQ6_K(const float* weights, size_t count, std::byte* out);

}  // namespace ingle
