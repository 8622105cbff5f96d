#include "kernels/generic/attention.h"

#include "kernels/neon/vector.h"

namespace ingle {
extern const AttentionKernels kAttentionNeon;
constinit const AttentionKernels kAttentionNeon = generic::AttentionTable<Vector>();
}  // namespace ingle
