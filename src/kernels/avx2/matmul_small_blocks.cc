// kernels/avx2/small_blocks.h for processors with AVX2.
#include "kernels/avx2/small_blocks.h"

namespace ingle {

extern const MatmulKernels kAvx2SmallBlocks;
constinit const MatmulKernels kAvx2SmallBlocks = SmallBlocksTable();

}  // namespace ingle
