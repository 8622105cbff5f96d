#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kMatmulAvx512Vnni;
constinit const MatmulKernels kMatmulAvx512Vnni = {};
}  // namespace ingle
