#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kMatmulPortable;
constinit const MatmulKernels kMatmulPortable = {};
}  // namespace ingle
