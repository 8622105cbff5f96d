#pragma once
// What each instruction set's object files export: one table per file, filled where the file has
// something better.

#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kMatmulPortable;
inline constexpr const MatmulKernels* kPortableMatmul[] = {&kMatmulPortable};

#if defined(__x86_64__)
extern const MatmulKernels kMatmulAvx2;
inline constexpr const MatmulKernels* kAvx2Matmul[] = {&kMatmulAvx2};
extern const MatmulKernels kMatmulAvx512Vnni;
inline constexpr const MatmulKernels* kAvx512VnniMatmul[] = {&kMatmulAvx512Vnni};
#endif

}  // namespace ingle
