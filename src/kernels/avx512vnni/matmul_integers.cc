#include "kernels/matmul.h"

namespace ingle {
extern const MatmulKernels kAvx512VnniIntegers;
constinit const MatmulKernels kAvx512VnniIntegers = {};
}  // namespace ingle
