// kernels/avx2/super_blocks.h for processors with AVX-VNNI (Intel since Alder Lake, AMD since Zen
// 5).
#include "kernels/avx2/super_blocks.h"

namespace ingle {

extern const MatmulKernels kAvxVnniSuperBlocks;
constinit const MatmulKernels kAvxVnniSuperBlocks = SuperBlocksTable();

}  // namespace ingle
