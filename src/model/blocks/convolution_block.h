#pragma once
// The gated short convolution of LFM2: x += out(c * taps(b * v)), with b, c and v products of the
// norm of x. The taps run over each channel's last positions; what they need of earlier tokens lies
// in the cache's pages. Run by every thread of the team; ends in a barrier.

#include "model/blocks/workspace.h"

namespace ingle {

void RunConvolutionBlock(PassThread& thread, uint32_t layer);

}  // namespace ingle
