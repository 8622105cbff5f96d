#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx2Integers;
constinit const MatmulKernels kAvx2Integers = {};
}  // namespace ingle
