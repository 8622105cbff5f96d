// kernels/avx2/super_blocks.h for processors with AVX2.
#include "kernels/avx2/super_blocks.h"

namespace ingle {

extern const MatmulKernels kAvx2SuperBlocks;
constinit const MatmulKernels kAvx2SuperBlocks = SuperBlocksTable();

}  // namespace ingle
