#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx2SmallBlocks;
constinit const MatmulKernels kAvx2SmallBlocks = {};
}  // namespace ingle
