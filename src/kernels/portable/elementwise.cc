#include "kernels/generic/elementwise.h"

#include "kernels/portable/vector.h"

namespace ingle {
extern const ElementwiseKernels kElementwisePortable;
constinit const ElementwiseKernels kElementwisePortable = generic::Elementwise<Vector>::Table();
}  // namespace ingle
