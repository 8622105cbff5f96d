#include "model/blocks/workspace.h"

#include <algorithm>

namespace ingle {
namespace {

constexpr size_t kUnitBytes = size_t{96}
                              << 10;  // Of packed weights: some 10 us of memory bandwidth.
constexpr uint32_t kUnitRowsMin = 32, kUnitRowsMax = 256;
constexpr uint32_t kManyTokens = 32, kUnitRowsOfMany = 128;
constexpr uint32_t kUnitsPerThread = 4;

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Lays buffers out one after another: first adds up, then hands out.
class Layout {
 public:
  explicit Layout(std::byte* base) : base_(base) {}
  template <class T>
  void Add(T*& pointer, size_t count) {
    if (base_) pointer = reinterpret_cast<T*>(base_ + size_);
    size_ += RoundUp(count * sizeof(T), 4096) + kStagger;
  }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kStagger =
      192;  // So that rows of different buffers do not share cache sets.
  std::byte* base_;
  size_t size_ = 0;
};

// Bytes for all tokens of a pass, and for one of a thread's own, per feed.
struct ActivationSizes {
  std::array<size_t, kFeeds> all{}, one{};
  size_t hidden = 0;  // For all tokens.

  void See(const PackedMatrix& matrix, size_t rows_per_token = 1) {
    const size_t bytes = ActivationBytes(matrix.activation, matrix.cols);
    one[matrix.feed] = std::max(one[matrix.feed], bytes);
    all[matrix.feed] = std::max(all[matrix.feed], bytes * rows_per_token * kPassTokens);
  }

  explicit ActivationSizes(const DecoderWeights& weights) {
    See(weights.output);
    for (const LayerWeights& layer : weights.layers) {
      for (const PackedMatrix* matrix :
           {&layer.query, &layer.key, &layer.value, &layer.attention_out, &layer.conv_gate_in,
            &layer.conv_gate_out, &layer.conv_value, &layer.conv_out, &layer.gate, &layer.up})
        See(*matrix);
      if (QuantisedInBlocks(layer.down))
        hidden =
            std::max(hidden, kPassTokens * ActivationBytes(layer.down.activation, layer.down.cols));
      else
        See(layer.down);
      if (layer.expert_down.empty()) continue;
      See(layer.expert_gate[0]);
      See(layer.expert_up[0]);
      See(layer.expert_down[0], weights.blueprint.experts.used);
    }
  }
};

bool HasPostNorms(const DecoderWeights& weights) {
  return std::ranges::any_of(weights.layers, [](const LayerWeights& layer) {
    return !layer.mixer_post_norm.empty() || !layer.ffn_post_norm.empty();
  });
}

size_t HiddenWidth(const Blueprint& b) {
  return std::max({size_t{b.ffn_dim}, size_t{b.experts.used} * b.experts.ffn_dim,
                   b.conv_taps != 0 ? size_t{b.model_dim} : 0});
}

uint32_t GroupMax(const Blueprint& b) {
  uint32_t group = 1;
  for (const LayerBlueprint& layer : b.layers)
    if (layer.kv_heads != 0) group = std::max(group, b.heads / layer.kv_heads);
  return group;
}

// rows: of attention that go through together.
void LayOutThread(Layout& layout, const Workspace& w, const Blueprint& b,
                  const ActivationSizes& sizes, size_t rows, uint32_t padded_dim,
                  ThreadBuffers& t) {
  for (size_t feed = 0; feed < kFeeds; ++feed)
    layout.Add(t.activations[feed],
               std::max(sizes.one[feed], std::min(kAlone * sizes.one[feed], kAloneBytes)));
  for (float** row : {&t.row, &t.ordered})
    layout.Add(*row, std::max({size_t{b.model_dim}, size_t{b.ffn_dim}, size_t{b.experts.ffn_dim},
                               size_t{b.heads} * b.head_dim}));
  layout.Add(t.product, size_t{kPassTokens} * 2 * w.product_rows);
  layout.Add(t.head, padded_dim);
  layout.Add(t.counts, rows);
  layout.Add(t.begins, rows);
  for (AttentionState* state : {&t.all, &t.next}) {
    layout.Add(state->maximum, rows);
    layout.Add(state->sum, rows);
    layout.Add(state->out, rows * padded_dim);
  }
  if (b.experts.count == 0) return;
  layout.Add(t.scores, size_t{b.experts.count} * 2);
  layout.Add(t.routes, b.experts.used);
  layout.Add(t.sorted, size_t{kPassTokens} * b.experts.used);
  layout.Add(t.starts, size_t{b.experts.count} + 1);
  layout.Add(t.active, b.experts.count);
  layout.Add(t.gathered, kGatheredTokens * *std::ranges::max_element(sizes.one));
}

}  // namespace

uint32_t RowsPerUnit(const PackedMatrix& matrix, uint32_t tokens, uint32_t most, uint32_t threads) {
  const size_t row_bytes = std::max<size_t>(1, matrix.tile_bytes / kPackTileRows);
  const uint32_t least = tokens > kManyTokens ? kUnitRowsOfMany : kUnitRowsMin;
  size_t rows = std::clamp<size_t>(kUnitBytes / row_bytes, least, std::min(kUnitRowsMax, most));
  rows = std::min(rows, std::max<size_t>(kPackTileRows, matrix.rows / (kUnitsPerThread * threads)));
  constexpr size_t kTogether = 2 * kPackTileRows;  // Kernels take two tiles at once.
  return static_cast<uint32_t>(std::max<size_t>(kTogether, rows / kTogether * kTogether));
}

Result<Workspace> Workspace::Create(const DecoderWeights& weights, uint32_t padded_dim,
                                    uint32_t threads) {
  const Blueprint& b = weights.blueprint;
  const ActivationSizes sizes(weights);
  const size_t width = size_t{kPassTokens} * b.model_dim;
  const size_t rows = size_t{QueriesPerItem(GroupMax(b))} * GroupMax(b);
  Workspace w;
  // A unit holds whole heads in whole tiles.
  w.product_rows = std::max(
      kUnitRowsMax, static_cast<uint32_t>(RoundUp(b.head_dim, kPackTileRows) * kPackTileRows));
  w.threads.resize(threads);
  w.hidden_written = std::make_unique<std::atomic<uint32_t>[]>(b.ffn_dim / kHiddenBlock + 1);
  w.rope.pairs = static_cast<uint32_t>(weights.rope.frequencies.size());
  w.local_rope.pairs = static_cast<uint32_t>(weights.local_rope.frequencies.size());
  const auto lay_out = [&](std::byte* base) {
    Layout layout(base);
    for (size_t feed = 0; feed < kFeeds; ++feed) layout.Add(w.activations[feed], sizes.all[feed]);
    layout.Add(w.hidden_activations, sizes.hidden);
    layout.Add(w.x, width);
    layout.Add(w.queries, size_t{kPassTokens} * b.heads * padded_dim);
    layout.Add(w.attended, size_t{kPassTokens} * b.heads * b.head_dim);
    layout.Add(w.hidden, kPassTokens * HiddenWidth(b));
    for (RotaryRows* table : {&w.rope, &w.local_rope}) {
      layout.Add(table->cosines, size_t{kPassTokens} * table->pairs);
      layout.Add(table->sines, size_t{kPassTokens} * table->pairs);
    }
    if (HasPostNorms(weights)) layout.Add(w.projected, width);
    if (b.experts.count != 0) {
      layout.Add(w.normed, width);
      layout.Add(w.scores, size_t{kPassTokens} * b.experts.count);
      layout.Add(w.routes, size_t{kPassTokens} * b.experts.used);
    }
    for (ThreadBuffers& t : w.threads) LayOutThread(layout, w, b, sizes, rows, padded_dim, t);
    return layout.size();
  };
  INGLE_TRY(w.memory_, MemoryRegion::Reserve(lay_out(nullptr), "working buffers"));
  lay_out(w.memory_.data());
  return w;
}

void Workspace::ReservePartials(size_t count, size_t floats_each) {
  if (partials.size() < count * floats_each) partials.resize(count * floats_each);
  if (finished_size < count) {
    finished = std::make_unique<std::atomic<uint32_t>[]>(count);
    finished_size = count;
  }
}

}  // namespace ingle
