#include "model/blocks/products.h"

#include <cstring>

namespace ingle {

void Normalise(const PassThread& thread, const float* x, const std::vector<float>& weight,
               const std::vector<float>& bias, float* y) {
  const Blueprint& b = thread.weights.blueprint;
  const ElementwiseKernels& e = thread.kernels.elementwise;
  if (b.norm == Norm::kLayer)
    e.layer_norm(x, weight.data(), bias.data(), b.model_dim, b.norm_epsilon, y);
  else
    e.rms_norm(x, weight.data(), b.model_dim, b.norm_epsilon, y);
}

void AddNormalised(PassThread& thread, const std::vector<float>& post_norm) {
  const uint32_t width = thread.weights.blueprint.model_dim;
  thread.team.ForChunks(thread.index, thread.pass.tokens, 1, [&](uint64_t token, uint64_t) {
    float* row = thread.workspace.projected + token * width;
    Normalise(thread, row, post_norm, {}, row);
    thread.kernels.elementwise.add(thread.workspace.x + token * width, row, width);
  });
}

void AddProduct(PassThread& thread, const PackedMatrix& matrix, const ActivationSet& activations,
                const std::vector<float>& bias, const std::vector<float>& post_norm) {
  const uint32_t tokens = thread.pass.tokens, stride = matrix.rows;
  const uint32_t unit =
      RowsPerUnit(matrix, tokens, thread.workspace.product_rows, thread.team.size());
  const ElementwiseKernels& e = thread.kernels.elementwise;
  thread.team.ForChunks(thread.index, matrix.rows, unit, [&](uint64_t begin, uint64_t end) {
    const auto rows = static_cast<uint32_t>(end - begin);
    Multiply(thread.kernels, matrix, activations[matrix.feed], tokens, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), thread.own.product, rows);
    for (uint32_t token = 0; token < tokens; ++token) {
      float* product = thread.own.product + size_t{token} * rows;
      const size_t at = size_t{token} * stride + begin;
      if (!bias.empty()) e.add(product, bias.data() + begin, rows);
      if (post_norm.empty())
        e.add(thread.workspace.x + at, product, rows);
      else
        std::memcpy(thread.workspace.projected + at, product, rows * sizeof(float));
    }
    thread.Worked();
  });
  thread.Barrier();
  if (post_norm.empty()) return;
  AddNormalised(thread, post_norm);
  thread.Barrier();
}

}  // namespace ingle
