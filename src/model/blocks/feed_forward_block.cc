#include "model/blocks/feed_forward_block.h"

#include "model/blocks/products.h"

namespace ingle {
namespace {

// hidden = act(gate(n) + bias) * (up(n) + bias)
void GateAndUp(PassThread& t, const LayerWeights& w, const ActivationSet& activations) {
  const uint32_t tokens = t.pass.tokens, width = w.gate.rows;
  const uint32_t unit = RowsPerUnit(w.gate, tokens, t.workspace.product_rows, t.team.size());
  const auto activate = t.weights.blueprint.activation == Activation::kSilu
                            ? t.kernels.elementwise.silu_multiply
                            : t.kernels.elementwise.gelu_tanh_multiply;
  const auto add = t.kernels.elementwise.add;
  t.team.ForChunks(t.index, width, unit, [&](uint64_t begin, uint64_t end) {
    const auto rows = static_cast<uint32_t>(end - begin);
    float* gate = t.own.product;
    float* up = gate + size_t{tokens} * rows;
    Multiply(t.kernels, w.gate, activations[w.gate.feed], tokens, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), gate, rows);
    Multiply(t.kernels, w.up, activations[w.up.feed], tokens, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), up, rows);
    for (uint32_t token = 0; token < tokens; ++token) {
      float* gate_row = gate + size_t{token} * rows;
      float* up_row = up + size_t{token} * rows;
      if (!w.gate_bias.empty()) add(gate_row, w.gate_bias.data() + begin, rows);
      if (!w.up_bias.empty()) add(up_row, w.up_bias.data() + begin, rows);
      activate(gate_row, up_row, rows, t.workspace.hidden + size_t{token} * width + begin);
    }
    t.Worked();
  });
}

// hidden = act(up(n) + bias)
void UpAlone(PassThread& t, const LayerWeights& w, const ActivationSet& activations) {
  const uint32_t tokens = t.pass.tokens, width = w.up.rows;
  const uint32_t unit = RowsPerUnit(w.up, tokens, t.workspace.product_rows, t.team.size());
  const ElementwiseKernels& e = t.kernels.elementwise;
  const auto activate = t.weights.blueprint.activation == Activation::kSilu ? e.silu : e.gelu_tanh;
  t.team.ForChunks(t.index, width, unit, [&](uint64_t begin, uint64_t end) {
    const auto rows = static_cast<uint32_t>(end - begin);
    float* up = t.own.product;
    Multiply(t.kernels, w.up, activations[w.up.feed], tokens, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), up, rows);
    for (uint32_t token = 0; token < tokens; ++token) {
      float* row = up + size_t{token} * rows;
      if (!w.up_bias.empty()) e.add(row, w.up_bias.data() + begin, rows);
      activate(row, rows, t.workspace.hidden + size_t{token} * width + begin);
    }
    t.Worked();
  });
}

}  // namespace

void RunFeedForwardBlock(PassThread& t, uint32_t layer) {
  const Blueprint& b = t.weights.blueprint;
  const LayerWeights& w = t.weights.layers[layer];
  const bool gated = b.layers[layer].feed_forward == FeedForward::kGated;
  const ActivationSet& normed = MakeActivations(
      t, t.pass.tokens, b.model_dim, (gated ? FeedOf(w.gate) : Feeds()) | FeedOf(w.up),
      [&](uint32_t i, float* row) {
        Normalise(t, t.workspace.x + size_t{i} * b.model_dim, w.ffn_norm, w.ffn_norm_bias, row);
        return row;
      });
  if (gated)
    GateAndUp(t, w, normed);
  else
    UpAlone(t, w, normed);
  t.Barrier();
  t.Mark(StepPhase::kGateUp);
  const ActivationSet& hidden = MakeActivations(
      t, t.pass.tokens, b.ffn_dim, FeedOf(w.down),
      [&](uint32_t i, float*) { return t.workspace.hidden + size_t{i} * b.ffn_dim; });
  AddProduct(t, w.down, hidden, w.down_bias, w.ffn_post_norm);
  t.Mark(StepPhase::kDown);
}

}  // namespace ingle
