#pragma once
// Matrix products and the quantisation of their activations: the part of the table that src/tensor
// uses. The layouts are in kernels/bricks.h, the arithmetic in kernels/README.md.

#include <cstddef>
#include <cstdint>

namespace ingle {

// How a matrix's activations are stored (one per weight class); structs in kernels/bricks.h.
enum ActivationKind : uint8_t {
  kActivationF32,     // F32 weights.
  kActivationBf16,    // BF16 weights: rounded to bf16.
  kActivationBf16x2,  // F16 weights: bf16 hi + bf16 lo.
  kActivationQ8x32,   // int8 with one scale per 32: Q8_0 Q4_* Q5_*, codebooks.
  kActivationQ8x256,  // int8 with one scale per 256 and block sums: K-quants.
  kActivationKernels,
  // Made of kActivationQ8x32 by src/tensor: of the inputs, of what that has lost, and once more.
  // For the int4 layers of GPTQ and AWQ.
  kActivationQ8x32Parts = kActivationKernels,
  kActivationKinds,
};

inline constexpr uint32_t kActivationParts = 3;

// The weight types that have kernels, densely numbered to index the table.
enum WeightType : uint8_t {
  kWeightF32,
  kWeightF16,
  kWeightBf16,
  kWeightQ8_0,
  kWeightQ4_0,
  kWeightQ4_1,
  kWeightQ5_0,
  kWeightQ5_1,
  kWeightQ4_K,
  kWeightQ5_K,
  kWeightQ6_K,
  kWeightQ2_K,
  kWeightQ3_K,
  kWeightIQ4_NL,
  kWeightIQ4_XS,
  kWeightMXFP4,
  kWeightTypes,
};

// For how many tokens a tier takes pairs of tiles (generic/tile_driver.h), if it can: a matter of
// speed on the processor at hand. {0, 0}: for none. Set for composed tables (dispatch.cc), not in
// the parts that overlay each other.
struct PairRange {
  uint32_t least, most;
};

// Room for the activations of the tokens that are multiplied with one panel of weights after
// another: half of a second cache of 2 MiB.
inline constexpr size_t kCachedActivationBytes = size_t{1} << 20;

// out[t * out_stride + r] = sum over k of weight(r, k) * activation(t, k), r in [0, rows), t in [0,
// tokens).
struct MultiplyArgs {
  const uint8_t* weights;  // First tile of 16 rows; 64-byte aligned, tiles follow one another.
  uint32_t rows;  // Any number; the last tile is padded in `weights`, `out` is written for real
                  // rows only.
  uint32_t cols;
  const uint8_t* activations;  // [tokens], activation_stride bytes apart; 64-byte aligned.
  size_t activation_stride;
  uint32_t tokens;
  float* out;
  size_t out_stride;  // In floats.
  PairRange pairs;    // The table's, for this type of weights.
};

using MultiplyFunction = void (*)(const MultiplyArgs& args);
// x: float[cols] of one token.
using QuantizeFunction = void (*)(const float* x, uint32_t cols, uint8_t* out);

// A null entry means: as in the tier below. Every composed table is complete.
struct MatmulKernels {
  MultiplyFunction multiply[kWeightTypes];
  QuantizeFunction quantize[kActivationKernels];
  PairRange pairs[kWeightTypes];
};

}  // namespace ingle
