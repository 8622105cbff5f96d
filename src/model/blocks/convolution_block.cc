#include "model/blocks/convolution_block.h"

#include <cstring>

#include "model/blocks/products.h"

namespace ingle {
namespace {

// Channels [begin, begin + rows) of all tokens: a unit of work. Channels know nothing of each
// other.
class Channels {
 public:
  Channels(PassThread& thread, uint32_t layer, uint32_t begin, uint32_t rows)
      : t_(thread),
        w_(thread.weights.layers[layer]),
        layer_(layer),
        begin_(begin),
        rows_(rows),
        width_(thread.weights.blueprint.model_dim),
        taps_(thread.weights.blueprint.conv_taps),
        gated_(thread.own.product),
        other_(thread.own.product + size_t{thread.pass.tokens} * rows) {}

  void Run(const ActivationSet& activations) {
    const uint32_t tokens = t_.pass.tokens;
    Product(w_.conv_gate_in, activations, gated_);
    Product(w_.conv_value, activations, other_);
    t_.kernels.elementwise.multiply(gated_, other_, tokens * rows_, gated_);
    Product(w_.conv_gate_out, activations, other_);
    for (const Slice& slice : t_.pass.slices) {
      for (uint32_t i = 0; i < slice.count; ++i) Convolve(slice, i);
      SaveState(slice);
    }
  }

 private:
  void Product(const PackedMatrix& matrix, const ActivationSet& activations, float* to) {
    Multiply(t_.kernels, matrix, activations[matrix.feed], t_.pass.tokens, begin_, begin_ + rows_,
             to, rows_);
  }

  // Row of a page's state that holds `position`, where `last` is the newest in it: the oldest of
  // taps - 1 rows comes first.
  float* StateRow(uint32_t page, uint32_t last, uint32_t position) {
    return t_.cache.State(page, layer_) + size_t{position + taps_ - 2 - last} * width_ + begin_;
  }

  // The convolution's input `back` positions before token i of the slice; null before the start.
  const float* Input(const Slice& slice, uint32_t i, uint32_t back) {
    if (back <= i) return gated_ + size_t{slice.first + i - back} * rows_;
    if (back > slice.position + i) return nullptr;
    const uint32_t last = slice.position - 1;
    return StateRow(slice.pages[last / kPageTokens], last, slice.position + i - back);
  }

  void Convolve(const Slice& slice, uint32_t i) {
    const ElementwiseKernels& e = t_.kernels.elementwise;
    const uint32_t token = slice.first + i;
    float* sum = t_.workspace.hidden + size_t{token} * width_ + begin_;
    bool started = false;
    for (uint32_t tap = 0; tap < taps_; ++tap) {
      const float* input = Input(slice, i, taps_ - 1 - tap);
      if (input == nullptr) continue;
      const auto add = started ? e.multiply_add : e.multiply;
      add(input, w_.conv_taps.data() + size_t{tap} * width_ + begin_, rows_, sum);
      started = true;
    }
    e.multiply(sum, other_ + size_t{token} * rows_, rows_, sum);
  }

  // Into each page that the slice reaches, the last one first: a page may still need what the one
  // before it holds from earlier steps.
  void SaveState(const Slice& slice) {
    const uint32_t first_page = slice.position / kPageTokens;
    uint32_t end = slice.position + slice.count;
    while (end > slice.position) {
      const uint32_t last = end - 1, page = last / kPageTokens;
      for (uint32_t back = taps_ - 1; back-- > 0;) {
        if (back > last) continue;
        const uint32_t position = last - back;
        const float* from = position >= slice.position
                                ? gated_ + size_t{slice.first + position - slice.position} * rows_
                                : StateRow(slice.pages[(slice.position - 1) / kPageTokens],
                                           slice.position - 1, position);
        std::memcpy(StateRow(slice.pages[page], last, position), from, rows_ * sizeof(float));
      }
      if (page == first_page) return;
      end = page * kPageTokens;
    }
  }

  PassThread& t_;
  const LayerWeights& w_;
  uint32_t layer_, begin_, rows_, width_, taps_;
  float* gated_;  // [tokens][rows]: b * v
  float* other_;  // [tokens][rows]: v, then c
};

}  // namespace

void RunConvolutionBlock(PassThread& t, uint32_t layer) {
  const Blueprint& b = t.weights.blueprint;
  const LayerWeights& w = t.weights.layers[layer];
  const ActivationSet& normed = MakeActivations(
      t, t.pass.tokens, b.model_dim,
      FeedOf(w.conv_gate_in) | FeedOf(w.conv_gate_out) | FeedOf(w.conv_value),
      [&](uint32_t i, float* row) {
        Normalise(t, t.workspace.x + size_t{i} * b.model_dim, w.mixer_norm, w.mixer_norm_bias, row);
        return row;
      });
  const uint32_t unit =
      RowsPerUnit(w.conv_value, t.pass.tokens, t.workspace.product_rows, t.team.size());
  t.team.ForChunks(t.index, b.model_dim, unit, [&](uint64_t begin, uint64_t end) {
    Channels(t, layer, static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin))
        .Run(normed);
  });
  t.Barrier();
  t.Mark(StepPhase::kQkv);
  const ActivationSet& mixed = MakeActivations(
      t, t.pass.tokens, b.model_dim, FeedOf(w.conv_out),
      [&](uint32_t i, float*) { return t.workspace.hidden + size_t{i} * b.model_dim; });
  AddProduct(t, w.conv_out, mixed, {}, w.mixer_post_norm);
  t.Mark(StepPhase::kAttentionOut);
}

}  // namespace ingle
