#include "model/blocks/feed_forward_block.h"

#include <bit>

#include "model/blocks/products.h"

namespace ingle {
namespace {

// The hidden vectors, and what the down projection is fed with. Whoever finishes the last rows of a
// block quantises the block, so that nobody waits for anybody and reads what the own core wrote.
class Hidden {
 public:
  Hidden(PassThread& thread, const PackedMatrix& down)
      : t_(thread), down_(down), in_blocks_(QuantisedInBlocks(down)) {
    activations_[down.feed] = thread.workspace.hidden_activations;
  }

  // A unit lies in one block.
  uint32_t RowsPerUnitOf(const PackedMatrix& matrix) const {
    const uint32_t rows =
        RowsPerUnit(matrix, t_.pass.tokens, t_.workspace.product_rows, t_.team.size());
    return in_blocks_ ? std::bit_floor(std::min(rows * 4 / 3, kHiddenBlock)) : rows;
  }

  float* Row(uint32_t token, uint64_t begin) const {
    return t_.workspace.hidden + size_t{token} * down_.cols + begin;
  }

  // Rows [begin, end) of all tokens are written.
  void Written(uint64_t begin, uint64_t end) {
    t_.Worked();
    if (!in_blocks_) return;
    const uint64_t block = begin / kHiddenBlock, first = block * kHiddenBlock;
    const auto rows = static_cast<uint32_t>(std::min<uint64_t>(kHiddenBlock, down_.cols - first));
    const auto added = static_cast<uint32_t>(end - begin);
    std::atomic<uint32_t>& written = t_.workspace.hidden_written[block];
    if (written.fetch_add(added, std::memory_order_acq_rel) + added != rows) return;
    written.store(0, std::memory_order_relaxed);
    t_.MakeInputs([&] {
      const ActivationKind kind = down_.activation;
      const size_t stride = ActivationBytes(kind, down_.cols);
      std::byte* to =
          activations_[down_.feed] + ActivationBytes(kind, static_cast<uint32_t>(first));
      for (uint32_t token = 0; token < t_.pass.tokens; ++token)
        QuantizeActivations(t_.kernels, kind, Row(token, first), rows, to + token * stride);
    });
  }

  // Behind the barrier that ends the writing.
  const ActivationSet& Activations() {
    if (in_blocks_) return activations_;
    return MakeActivations(t_, t_.pass.tokens, down_.cols, FeedOf(down_),
                           [&](uint32_t token, float*) { return Row(token, 0); });
  }

 private:
  PassThread& t_;
  const PackedMatrix& down_;
  const bool in_blocks_;
  ActivationSet activations_{};
};

// hidden = act(gate(n) + bias) * (up(n) + bias)
void GateAndUp(PassThread& t, const LayerWeights& w, const ActivationSet& activations,
               Hidden& hidden) {
  const uint32_t tokens = t.pass.tokens, width = w.gate.rows;
  const uint32_t unit = hidden.RowsPerUnitOf(w.gate);
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
      activate(gate_row, up_row, rows, hidden.Row(token, begin));
    }
    hidden.Written(begin, end);
  });
}

// hidden = act(up(n) + bias)
void UpAlone(PassThread& t, const LayerWeights& w, const ActivationSet& activations,
             Hidden& hidden) {
  const uint32_t tokens = t.pass.tokens, width = w.up.rows;
  const uint32_t unit = hidden.RowsPerUnitOf(w.up);
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
      activate(row, rows, hidden.Row(token, begin));
    }
    hidden.Written(begin, end);
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
  Hidden hidden(t, w.down);
  if (gated)
    GateAndUp(t, w, normed, hidden);
  else
    UpAlone(t, w, normed, hidden);
  t.Barrier();
  t.Mark(StepPhase::kGateUp);
  AddProduct(t, w.down, hidden.Activations(), w.down_bias, w.ffn_post_norm);
  t.Mark(StepPhase::kDown);
}

}  // namespace ingle
