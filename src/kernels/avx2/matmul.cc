#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kMatmulAvx2;
constinit const MatmulKernels kMatmulAvx2 = {};
}  // namespace ingle
