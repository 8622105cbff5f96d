#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx2SuperBlocks;
constinit const MatmulKernels kAvx2SuperBlocks = {};
}  // namespace ingle
