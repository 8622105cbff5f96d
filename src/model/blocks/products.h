#pragma once
// What the blocks share: norms, and matrix products of all tokens of a pass, shared out over the
// threads by output rows.

#include <span>

#include "model/blocks/workspace.h"

namespace ingle {

// y = norm(x) * weight + bias: [model_dim], of the model's kind. y may be x.
void Normalise(const PassThread& thread, const float* x, const std::vector<float>& weight,
               const std::vector<float>& bias, float* y);

// workspace.x += norm(matrix * activations + bias); without a norm (or bias) where its weight is
// empty. Ends in a barrier.
void AddProduct(PassThread& thread, const PackedMatrix& matrix, const ActivationSet& activations,
                const std::vector<float>& bias, const std::vector<float>& post_norm);

// workspace.x += norm(workspace.projected). No barrier at the end.
void AddNormalised(PassThread& thread, const std::vector<float>& post_norm);

}  // namespace ingle
