#include "kernels/generic/elementwise.h"

#include "kernels/avx512vnni/vector.h"

namespace ingle {
extern const ElementwiseKernels kElementwiseAvx512Vnni;
constinit const ElementwiseKernels kElementwiseAvx512Vnni = generic::Elementwise<Vector>::Table();
}  // namespace ingle
