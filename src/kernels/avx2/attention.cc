#include "kernels/generic/attention.h"

#include "kernels/avx2/vector.h"

namespace ingle {
extern const AttentionKernels kAttentionAvx2;
constinit const AttentionKernels kAttentionAvx2 = generic::AttentionTable<Vector>();
}  // namespace ingle
