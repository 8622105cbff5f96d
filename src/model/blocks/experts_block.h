#pragma once
// Mixture of experts: x += sum over the experts that the router chose of weight * down(act(gate(n))
// * up(n)), n = norm(x), added in the order of their numbers. Run by every thread of the team; ends
// in a barrier.

#include "model/blocks/workspace.h"

namespace ingle {

// The experts of one token from the router's products: most likely first, the lowest number first
// among equals. scores: [experts], changed; room: [experts]; routes: [used].
void ChooseExperts(const ExpertsBlueprint& experts, const ElementwiseKernels& kernels,
                   const std::vector<float>& bias, float* scores, float* room, Route* routes);

void RunExpertsBlock(PassThread& thread, uint32_t layer);

}  // namespace ingle
