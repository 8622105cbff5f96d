#pragma once
// The one table of function pointers that every instruction set fills; each overlays what it improves on the tier
// below (portable <- avx2 <- avx512vnni <- amx). Plain types only: this header is compiled under every ISA's flags.

#include <cstddef>
#include <cstdint>

namespace ingle {

// How a matrix's activations are stored (one per weight class).
enum ActivationKind : uint8_t {
  kActivationF32,    // float[cols]: F32 weights.
  kActivationBf16,   // bf16 (or hi/lo pairs for F16 weights).
  kActivationQ8x32,  // int8 with one scale per 32: Q8_0 Q4_0 Q5_0.
  kActivationQ8x256  // int8 with one scale per 256 and block sums: K-quants.
};

struct Kernels;  // Fields are defined by kernels/ (matrix products, norms, attention); see kernels/README.md.

}  // namespace ingle
