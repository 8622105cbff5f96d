#include "kernels/generic/attention.h"

#include "kernels/avx512vnni/vector.h"

namespace ingle {
extern const AttentionKernels kAttentionAvx512Vnni;
constinit const AttentionKernels kAttentionAvx512Vnni = generic::AttentionTable<Vector>();
}  // namespace ingle
