#include "kernels/generic/elementwise.h"

#include "kernels/neon/vector.h"

namespace ingle {
extern const ElementwiseKernels kElementwiseNeon;
constinit const ElementwiseKernels kElementwiseNeon = generic::Elementwise<Vector>::Table();
}  // namespace ingle
