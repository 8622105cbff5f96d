#pragma once
// Matrix products of all tokens of a pass, shared out over the threads by output rows.

#include "model/blocks/workspace.h"

namespace ingle {

// workspace.x += matrix * activations, for this thread's share of the units. No barrier.
void AddProduct(PassThread& thread, const PackedMatrix& matrix, const ActivationSet& activations);

}  // namespace ingle
