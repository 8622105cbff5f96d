// kernels/avx2/small_blocks.h for processors with AVX-VNNI (Intel since Alder Lake, AMD since Zen
// 5).
#include "kernels/avx2/small_blocks.h"

namespace ingle {

extern const MatmulKernels kAvxVnniSmallBlocks;
constinit const MatmulKernels kAvxVnniSmallBlocks = SmallBlocksTable();

}  // namespace ingle
