#include "model/blocks/products.h"

namespace ingle {

void AddProduct(PassThread& thread, const PackedMatrix& matrix, const ActivationSet& activations) {
  const uint32_t tokens = thread.pass.tokens, stride = matrix.rows;
  const uint32_t unit = RowsPerUnit(matrix, thread.workspace.product_rows, thread.team.size());
  thread.team.ForChunks(thread.index, matrix.rows, unit, [&](uint64_t begin, uint64_t end) {
    const auto rows = static_cast<uint32_t>(end - begin);
    Multiply(thread.kernels, matrix, activations[matrix.activation], tokens,
             static_cast<uint32_t>(begin), static_cast<uint32_t>(end), thread.own.product, rows);
    for (uint32_t token = 0; token < tokens; ++token)
      thread.kernels.elementwise.add(thread.workspace.x + size_t{token} * stride + begin,
                                     thread.own.product + size_t{token} * rows, rows);
    thread.Worked();
  });
}

}  // namespace ingle
