#include "model/blocks/feed_forward_block.h"

#include "model/blocks/products.h"

namespace ingle {
namespace {

// hidden = silu(gate(n)) * up(n)
void GateAndUp(PassThread& t, const LayerWeights& w, const ActivationSet& activations) {
  const uint32_t tokens = t.pass.tokens, width = w.gate.rows;
  const uint32_t unit = RowsPerUnit(w.gate, t.workspace.product_rows, t.team.size());
  t.team.ForChunks(t.index, width, unit, [&](uint64_t begin, uint64_t end) {
    const auto rows = static_cast<uint32_t>(end - begin);
    float* gate = t.own.product;
    float* up = gate + size_t{tokens} * rows;
    Multiply(t.kernels, w.gate, activations[w.gate.activation], tokens,
             static_cast<uint32_t>(begin), static_cast<uint32_t>(end), gate, rows);
    Multiply(t.kernels, w.up, activations[w.up.activation], tokens, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), up, rows);
    for (uint32_t token = 0; token < tokens; ++token)
      t.kernels.elementwise.silu_multiply(gate + size_t{token} * rows, up + size_t{token} * rows,
                                          rows, t.workspace.hidden + size_t{token} * width + begin);
    t.Worked();
  });
}

}  // namespace

void RunFeedForwardBlock(PassThread& t, uint32_t layer) {
  const Blueprint& b = t.weights.blueprint;
  const LayerWeights& w = t.weights.layers[layer];
  const ActivationSet& normed = MakeActivations(
      t, t.pass.tokens, b.model_dim, KindBit(w.gate) | KindBit(w.up), [&](uint32_t i, float* row) {
        const float* x = t.workspace.x + size_t{i} * b.model_dim;
        t.kernels.elementwise.rms_norm(x, w.ffn_norm.data(), b.model_dim, b.norm_epsilon, row);
        return row;
      });
  GateAndUp(t, w, normed);
  t.Barrier();
  t.Mark(StepPhase::kGateUp);
  const ActivationSet& hidden = MakeActivations(
      t, t.pass.tokens, b.ffn_dim, KindBit(w.down),
      [&](uint32_t i, float*) { return t.workspace.hidden + size_t{i} * b.ffn_dim; });
  AddProduct(t, w.down, hidden);
  t.Barrier();
  t.Mark(StepPhase::kDown);
}

}  // namespace ingle
