#include "kernels/generic/attention.h"

#include "kernels/portable/vector.h"

namespace ingle {
extern const AttentionKernels kAttentionPortable;
constinit const AttentionKernels kAttentionPortable = generic::AttentionTable<Vector>();
}  // namespace ingle
