#pragma once
// The one table of function pointers that every instruction set fills; each overlays what it
// improves on the tier below (portable <- avx2 <- avxvnni <- avx512vnni <- avx512bf16
// <- amx; portable <- neon). Plain types only: this header is compiled under every ISA's flags.

#include <cstddef>
#include <cstdint>

#include "kernels/attention.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace ingle {

struct Kernels {
  const char* name;  // "portable", "avx2", "neon"...: what INGLE_FORCE_ISA names.
  MatmulKernels matmul;
  ElementwiseKernels elementwise;
  AttentionKernels attention;
};

}  // namespace ingle
