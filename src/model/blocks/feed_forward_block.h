#pragma once
// x += post_norm(down(act(gate(n)) * up(n))) or, without a gate, x += post_norm(down(act(up(n))));
// n = norm(x). For all tokens of a pass; run by every thread of the team; ends in a barrier.

#include "model/blocks/workspace.h"

namespace ingle {

void RunFeedForwardBlock(PassThread& thread, uint32_t layer);

}  // namespace ingle
