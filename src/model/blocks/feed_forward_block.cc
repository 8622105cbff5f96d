#include "model/blocks/feed_forward_block.h"

#include <bit>

#include "model/blocks/products.h"

namespace ingle {
namespace {

constexpr uint32_t kFewTokens = 64, kBlocksPerThread = 2;

// Whether whoever finishes a block of the hidden vectors quantises it: not where many tokens would
// keep a few threads busy and the others waiting.
bool QuantisedByFinisher(const PassThread& t, const PackedMatrix& down) {
  const uint32_t blocks = (down.cols + kHiddenBlock - 1) / kHiddenBlock;
  return QuantisedInBlocks(down) &&
         (t.pass.tokens <= kFewTokens || blocks >= kBlocksPerThread * t.team.size());
}

// The hidden vectors, and what the down projection is fed with. Whoever finishes the last rows of a
// block quantises the block, so that nobody waits for anybody and reads what the own core wrote;
// or tokens are shared out when all is written.
class Hidden {
 public:
  Hidden(PassThread& thread, const PackedMatrix& down)
      : t_(thread), down_(down), by_finisher_(QuantisedByFinisher(thread, down)) {
    activations_[down.feed] = thread.workspace.hidden_activations;
  }

  // A unit lies in one block.
  uint32_t RowsPerUnitOf(const PackedMatrix& matrix) const {
    const uint32_t rows =
        RowsPerUnit(matrix, t_.pass.tokens, t_.workspace.product_rows, t_.team.size());
    return by_finisher_ ? std::bit_floor(std::min(rows * 4 / 3, kHiddenBlock)) : rows;
  }

  float* Row(uint32_t token, uint64_t begin) const {
    return t_.workspace.hidden + size_t{token} * down_.cols + begin;
  }

  // Rows [begin, end) of all tokens are written.
  void Written(uint64_t begin, uint64_t end) {
    t_.Worked();
    if (!by_finisher_) return;
    const uint64_t block = begin / kHiddenBlock, first = block * kHiddenBlock;
    const auto rows = static_cast<uint32_t>(std::min<uint64_t>(kHiddenBlock, down_.cols - first));
    const auto added = static_cast<uint32_t>(end - begin);
    std::atomic<uint32_t>& written = t_.workspace.hidden_written[block];
    if (written.fetch_add(added, std::memory_order_acq_rel) + added != rows) return;
    written.store(0, std::memory_order_relaxed);
    t_.MakeInputs([&] {
      for (uint32_t token = 0; token < t_.pass.tokens; ++token)
        Quantise(token, static_cast<uint32_t>(first), rows);
    });
  }

  // Behind the barrier that ends the writing.
  const ActivationSet& Activations() {
    if (!QuantisedInBlocks(down_))
      return MakeActivations(t_, t_.pass.tokens, down_.cols, FeedOf(down_),
                             [&](uint32_t token, float*) { return Row(token, 0); });
    if (!by_finisher_) ShareOut();
    return activations_;
  }

 private:
  void Quantise(uint32_t token, uint32_t first, uint32_t rows) {
    const ActivationKind kind = down_.activation;
    std::byte* to = activations_[down_.feed] + token * ActivationBytes(kind, down_.cols);
    QuantizeActivations(t_.kernels, kind, Row(token, first), rows,
                        to + ActivationBytes(kind, first));
  }

  void ShareOut() {
    t_.MakeInputs([&] {
      t_.team.ForChunks(t_.index, t_.pass.tokens, 4, [&](uint64_t begin, uint64_t end) {
        for (uint64_t token = begin; token < end; ++token)
          Quantise(static_cast<uint32_t>(token), 0, down_.cols);
      });
    });
    t_.Barrier();
  }

  PassThread& t_;
  const PackedMatrix& down_;
  const bool by_finisher_;
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
