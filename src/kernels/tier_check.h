#pragma once
// Whether a tier's products are those of the arithmetic contract on this very processor.

#include "kernels/matmul.h"

namespace ingle {

// Multiplies some made-up matrices of the types whose results depend on the order in which the
// processor adds (BF16, F16) with both tables: false where a bit differs. Takes about a
// millisecond.
bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle);

}  // namespace ingle
