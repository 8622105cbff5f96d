#include "kernels/generic/elementwise.h"

#include "kernels/avx2/vector.h"

namespace ingle {
extern const ElementwiseKernels kElementwiseAvx2;
constinit const ElementwiseKernels kElementwiseAvx2 = generic::Elementwise<Vector>::Table();
}  // namespace ingle
