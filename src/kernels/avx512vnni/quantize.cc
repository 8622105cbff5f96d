#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx512VnniQuantize;
constinit const MatmulKernels kAvx512VnniQuantize = {};
}  // namespace ingle
