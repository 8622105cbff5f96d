#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx512VnniFloats;
constinit const MatmulKernels kAvx512VnniFloats = {};
}  // namespace ingle
