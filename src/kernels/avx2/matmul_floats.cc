#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx2Floats;
constinit const MatmulKernels kAvx2Floats = {};
}  // namespace ingle
