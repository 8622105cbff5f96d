#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx2Quantize;
constinit const MatmulKernels kAvx2Quantize = {};
}  // namespace ingle
