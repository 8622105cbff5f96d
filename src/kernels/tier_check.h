#pragma once
// Whether a tier's products are those of the arithmetic contract on this very processor.

#include "kernels/matmul.h"

namespace ingle {

// Multiplies a made-up matrix of each kind with both tables: false where a bit differs. For BF16
// and F16 the order in which the processor adds decides. Takes about a millisecond.
bool SameBits(const MatmulKernels& tier, const MatmulKernels& oracle);

// Also false where the processor traps. One caller at a time.
bool RunsWithSameBits(const MatmulKernels& tier, const MatmulKernels& oracle);

}  // namespace ingle
