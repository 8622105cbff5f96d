#pragma once
// x += down(silu(gate(n)) * up(n)) with n = RMSNorm(x), for all tokens of a pass. Run by every
// thread of the team; ends in a barrier.

#include "model/blocks/workspace.h"

namespace ingle {

void RunFeedForwardBlock(PassThread& thread, uint32_t layer);

}  // namespace ingle
