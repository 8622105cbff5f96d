#pragma once
// What each instruction set's object files export: one table per file, filled where the file has
// something better.

#include "kernels/attention.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"

namespace ingle {

extern const AttentionKernels kAttentionPortable;
extern const ElementwiseKernels kElementwisePortable;
extern const MatmulKernels kPortableQuantize, kPortableIntegers, kPortableFloats;
inline constexpr const MatmulKernels* kPortableMatmul[] = {&kPortableQuantize, &kPortableIntegers,
                                                           &kPortableFloats};

#if defined(__x86_64__)
extern const AttentionKernels kAttentionAvx2, kAttentionAvx512Vnni;
extern const ElementwiseKernels kElementwiseAvx2, kElementwiseAvx512Vnni;
extern const MatmulKernels kAvx2Quantize, kAvx2SmallBlocks, kAvx2SuperBlocks, kAvx2Floats;
inline constexpr const MatmulKernels* kAvx2Matmul[] = {&kAvx2Quantize, &kAvx2SmallBlocks,
                                                       &kAvx2SuperBlocks, &kAvx2Floats};
extern const MatmulKernels kAvxVnniSmallBlocks, kAvxVnniSuperBlocks;
inline constexpr const MatmulKernels* kAvxVnniMatmul[] = {&kAvxVnniSmallBlocks,
                                                          &kAvxVnniSuperBlocks};
extern const MatmulKernels kAvx512VnniQuantize, kAvx512VnniSmallBlocks, kAvx512VnniSuperBlocks,
    kAvx512VnniFloats;
inline constexpr const MatmulKernels* kAvx512VnniMatmul[] = {
    &kAvx512VnniQuantize, &kAvx512VnniSmallBlocks, &kAvx512VnniSuperBlocks, &kAvx512VnniFloats};
extern const MatmulKernels kAvx512Bf16Floats;
extern const MatmulKernels kAmxSmallBlocks, kAmxSuperBlocks, kAmxFloats;
inline constexpr const MatmulKernels* kAmxMatmul[] = {&kAmxSmallBlocks, &kAmxSuperBlocks,
                                                      &kAmxFloats};
#endif

#if defined(__aarch64__)
extern const AttentionKernels kAttentionNeon;
extern const ElementwiseKernels kElementwiseNeon;
extern const MatmulKernels kNeonQuantize, kNeonSmallBlocks, kNeonSuperBlocks, kNeonFloats;
inline constexpr const MatmulKernels* kNeonMatmul[] = {&kNeonQuantize, &kNeonSmallBlocks,
                                                       &kNeonSuperBlocks, &kNeonFloats};
#endif

}  // namespace ingle
