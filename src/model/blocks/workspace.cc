#include "model/blocks/workspace.h"

#include <algorithm>
#include <numeric>

namespace ingle {
namespace {

constexpr size_t kUnitBytes = size_t{96}
                              << 10;  // Of packed weights: some 10 us of memory bandwidth.
constexpr uint32_t kUnitRowsMin = 32, kUnitRowsMax = 256;
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

// What the widest matrix of each activation kind is fed with.
std::array<size_t, kActivationKinds> ActivationSizes(const DecoderWeights& weights) {
  std::array<size_t, kActivationKinds> sizes{};
  const auto see = [&](const PackedMatrix& matrix) {
    size_t& size = sizes[matrix.activation];
    size = std::max(size, ActivationBytes(matrix.activation, matrix.cols));
  };
  see(weights.output);
  for (const LayerWeights& layer : weights.layers)
    for (const PackedMatrix* matrix : {&layer.query, &layer.key, &layer.value, &layer.attention_out,
                                       &layer.gate, &layer.up, &layer.down})
      see(*matrix);
  return sizes;
}

}  // namespace

uint32_t RowsPerUnit(const PackedMatrix& matrix, uint32_t most, uint32_t threads) {
  const size_t row_bytes = std::max<size_t>(1, matrix.tile_bytes / kPackTileRows);
  size_t rows =
      std::clamp<size_t>(kUnitBytes / row_bytes, kUnitRowsMin, std::min(kUnitRowsMax, most));
  rows = std::min(rows, std::max<size_t>(kPackTileRows, matrix.rows / (kUnitsPerThread * threads)));
  return static_cast<uint32_t>(
      std::max<size_t>(kPackTileRows, rows / kPackTileRows * kPackTileRows));
}

Result<Workspace> Workspace::Create(const DecoderWeights& weights, uint32_t padded_dim,
                                    uint32_t threads) {
  const Blueprint& b = weights.blueprint;
  const std::array<size_t, kActivationKinds> sizes = ActivationSizes(weights);
  const size_t attention_width = size_t{b.heads} * b.head_dim;
  const size_t widest = std::max({size_t{b.model_dim}, size_t{b.ffn_dim}, attention_width});
  uint32_t group_max = 1;
  for (const LayerBlueprint& layer : b.layers)
    group_max = std::max(group_max, b.heads / layer.kv_heads);
  const size_t rows = size_t{QueriesPerItem(group_max)} * group_max;
  Workspace w;
  // A unit holds whole heads in whole tiles.
  w.product_rows = std::max(
      kUnitRowsMax, static_cast<uint32_t>(RoundUp(b.head_dim, kPackTileRows) * kPackTileRows));
  w.threads.resize(threads);
  const auto lay_out = [&](std::byte* base) {
    Layout layout(base);
    for (size_t kind = 0; kind < kActivationKinds; ++kind)
      layout.Add(w.activations[kind], kPassTokens * sizes[kind]);
    layout.Add(w.x, size_t{kPassTokens} * b.model_dim);
    layout.Add(w.queries, size_t{kPassTokens} * b.heads * padded_dim);
    layout.Add(w.attended, kPassTokens * attention_width);
    layout.Add(w.hidden, size_t{kPassTokens} * b.ffn_dim);
    layout.Add(w.cosines, kPassTokens * weights.rope.frequencies.size());
    layout.Add(w.sines, kPassTokens * weights.rope.frequencies.size());
    for (ThreadBuffers& t : w.threads) {
      for (size_t kind = 0; kind < kActivationKinds; ++kind)
        layout.Add(t.activations[kind], sizes[kind]);
      layout.Add(t.row, widest);
      layout.Add(t.product, size_t{kPassTokens} * 2 * w.product_rows);
      layout.Add(t.head, padded_dim);
      layout.Add(t.counts, rows);
      for (AttentionState* state : {&t.all, &t.next}) {
        layout.Add(state->maximum, rows);
        layout.Add(state->sum, rows);
        layout.Add(state->out, rows * padded_dim);
      }
    }
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
