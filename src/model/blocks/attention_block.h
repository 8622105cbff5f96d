#pragma once
// x += attention_out(attention(RMSNorm(x))), for all tokens of a pass. Run by every thread of the
// team; ends in a barrier.

#include "model/blocks/workspace.h"

namespace ingle {

void RunAttentionBlock(PassThread& thread, uint32_t layer);

}  // namespace ingle
