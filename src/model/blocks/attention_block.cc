#include "model/blocks/attention_block.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "model/blocks/products.h"

namespace ingle {
namespace {

// Which of the three projections a unit of work belongs to, and what its heads go through
// afterwards.
struct Projection {
  const PackedMatrix* matrix;
  const std::vector<float>* bias;
  const std::vector<float>* norm;  // Null: none (values).
  enum Kind { kQuery, kKey, kValue } kind;
  uint32_t heads, heads_per_unit;
  uint32_t units() const { return (heads + heads_per_unit - 1) / heads_per_unit; }
};

class AttentionBlock {
 public:
  AttentionBlock(PassThread& thread, uint32_t layer)
      : t_(thread),
        b_(thread.weights.blueprint),
        w_(thread.weights.layers[layer]),
        layer_(layer),
        rope_(b_.layers[layer].rope),
        table_(b_.layers[layer].local_rope ? t_.workspace.local_rope : t_.workspace.rope),
        plan_(thread.pass.PlanOf(b_.layers[layer].window)),
        kv_heads_(b_.layers[layer].kv_heads),
        group_(b_.heads / kv_heads_),
        dim_(b_.head_dim),
        padded_(thread.cache.padded_dim()) {}

  void Run() {
    Project();
    t_.Barrier();
    t_.Mark(StepPhase::kQkv);
    t_.team.ForChunks(t_.index, plan_.items.size() * kv_heads_, 1, [&](uint64_t begin, uint64_t) {
      Attend(plan_.items[begin / kv_heads_], static_cast<uint32_t>(begin / kv_heads_),
             static_cast<uint32_t>(begin % kv_heads_));
      t_.Worked();
    });
    t_.Barrier();
    t_.Mark(StepPhase::kAttention);
    const uint32_t width = b_.heads * dim_;
    const ActivationSet& activations = MakeActivations(
        t_, t_.pass.tokens, width, FeedOf(w_.attention_out),
        [&](uint32_t i, float*) { return t_.workspace.attended + size_t{i} * width; });
    AddProduct(t_, w_.attention_out, activations, w_.attention_out_bias, w_.mixer_post_norm);
    t_.Mark(StepPhase::kAttentionOut);
  }

 private:
  void Project() {
    const ActivationSet& activations = MakeActivations(
        t_, t_.pass.tokens, b_.model_dim, FeedOf(w_.query) | FeedOf(w_.key) | FeedOf(w_.value),
        [&](uint32_t i, float* row) {
          const float* x = t_.workspace.x + size_t{i} * b_.model_dim;
          Normalise(t_, x, w_.mixer_norm, w_.mixer_norm_bias, row);
          return row;
        });
    // As few heads as make whole tiles; most often one.
    const uint32_t together = kPackTileRows / std::gcd(dim_, kPackTileRows);
    const Projection projections[] = {
        {&w_.query, &w_.query_bias, &w_.query_norm, Projection::kQuery, b_.heads, together},
        {&w_.key, &w_.key_bias, &w_.key_norm, Projection::kKey, kv_heads_, together},
        {&w_.value, &w_.value_bias, nullptr, Projection::kValue, kv_heads_, together}};
    const uint32_t all = projections[0].units() + projections[1].units() + projections[2].units();
    t_.team.ForChunks(t_.index, all, 1, [&](uint64_t begin, uint64_t) {
      auto unit = static_cast<uint32_t>(begin);
      const Projection* projection = projections;
      while (unit >= projection->units()) unit -= (projection++)->units();
      ProjectUnit(*projection, unit, activations);
      t_.Worked();
    });
  }

  void ProjectUnit(const Projection& p, uint32_t unit, const ActivationSet& activations) {
    const uint32_t head_begin = unit * p.heads_per_unit;
    const uint32_t head_end = std::min(head_begin + p.heads_per_unit, p.heads);
    const uint32_t row_begin = head_begin * dim_, rows = (head_end - head_begin) * dim_;
    float* product = t_.own.product;
    Multiply(t_.kernels, *p.matrix, activations[p.matrix->feed], t_.pass.tokens, row_begin,
             row_begin + rows, product, rows);
    for (uint32_t token = 0; token < t_.pass.tokens; ++token) {
      float* row = product + size_t{token} * rows;
      if (!p.bias->empty()) t_.kernels.elementwise.add(row, p.bias->data() + row_begin, rows);
      for (uint32_t head = head_begin; head < head_end; ++head)
        FinishHead(p, token, head, row + size_t{head - head_begin} * dim_);
    }
  }

  // Norm and rotary embedding of one head of one token, then to where attention finds it. x: [dim]
  void FinishHead(const Projection& p, uint32_t token, uint32_t head, float* x) {
    const ElementwiseKernels& e = t_.kernels.elementwise;
    if (p.norm && !p.norm->empty()) e.rms_norm(x, p.norm->data(), dim_, b_.norm_epsilon, x);
    const uint32_t pairs = table_.pairs;
    const float* cosines = table_.cosines + size_t{token} * pairs;
    const float* sines = table_.sines + size_t{token} * pairs;
    if (p.kind != Projection::kValue && rope_ == RopeStyle::kSplitHalves)
      e.rope_split_halves(x, cosines, sines, pairs);
    if (p.kind != Projection::kValue && rope_ == RopeStyle::kAdjacentPairs)
      e.rope_adjacent_pairs(x, cosines, sines, pairs);
    if (p.kind == Projection::kQuery) {
      float* to =
          t_.workspace.queries +
          ((size_t{head / group_} * t_.pass.tokens + token) * group_ + head % group_) * padded_;
      std::memcpy(to, x, dim_ * sizeof(float));
      std::fill(to + dim_, to + padded_, 0.0f);
      e.scale(to, b_.attention_scale, dim_);
      return;
    }
    if (padded_ != dim_) {
      std::memcpy(t_.own.head, x, dim_ * sizeof(float));
      std::fill(t_.own.head + dim_, t_.own.head + padded_, 0.0f);
      x = t_.own.head;
    }
    const uint32_t slot = t_.pass.Position(token) % kPageTokens;
    if (p.kind == Projection::kKey)
      t_.cache.StoreKey(t_.pass.Page(token), layer_, head, slot, x);
    else
      t_.cache.StoreValue(t_.pass.Page(token), layer_, head, slot, x);
  }

  // All queries of the item from the first one that sees split `split` on; returns how many it
  // skipped.
  uint32_t AttendSplit(const AttentionItem& item, uint32_t kv_head, uint32_t split,
                       const AttentionState& state) {
    const Slice& slice = t_.pass.slices[item.slice];
    const uint32_t first_position = slice.position + item.first, first_key = split * kSplitTokens;
    const uint32_t skipped = first_key > first_position ? first_key - first_position : 0;
    uint32_t* counts = t_.own.counts;
    uint32_t* begins = t_.own.begins;
    AttentionArgs args{};
    args.rows = (item.queries - skipped) * group_;
    args.dim = padded_;
    args.counts = counts;
    args.begins = plan_.window != 0 ? begins : nullptr;
    args.softcap = b_.attention_softcap;
    args.queries =
        t_.workspace.queries +
        (size_t{kv_head} * t_.pass.tokens + slice.first + item.first + skipped) * group_ * padded_;
    uint32_t most = 0;
    for (uint32_t row = 0; row < args.rows; ++row) {
      const uint32_t position = first_position + skipped + row / group_;
      const uint32_t begin = WindowBegin(position, plan_.window);
      counts[row] = std::min(kSplitTokens, position + 1 - first_key);
      begins[row] = begin > first_key ? begin - first_key : 0;
      most = counts[row];
    }
    for (uint32_t i = 0; i < kSplitPages; ++i) {
      // Pages behind the last key are not read; any address will do.
      const uint32_t page = slice.pages[first_key / kPageTokens + (i * kPageTokens < most ? i : 0)];
      args.keys[i] = t_.cache.Keys(page, layer_, kv_head);
      args.values[i] = t_.cache.Values(page, layer_, kv_head);
    }
    t_.kernels.attention.split[t_.cache.format()](args, state);
    return skipped;
  }

  void Attend(const AttentionItem& item, uint32_t index, uint32_t kv_head) {
    if (item.partials > 1) return AttendPartially(item, index, kv_head);
    const AttentionState all = t_.own.all, next = t_.own.next;
    for (uint32_t split = item.split_begin; split < item.split_end; ++split) {
      if (split == item.split_begin) {
        AttendSplit(item, kv_head, split, all);
        continue;
      }
      const uint32_t skipped = AttendSplit(item, kv_head, split, next) * group_;
      const AttentionState rest{all.maximum + skipped, all.sum + skipped,
                                all.out + size_t{skipped} * padded_};
      t_.kernels.attention.merge(next, rest, item.queries * group_ - skipped, padded_);
    }
    Deliver(item, kv_head, all);
  }

  AttentionState Partial(uint32_t index, uint32_t kv_head) {
    float* base = t_.workspace.partials.data() +
                  (size_t{index} * kv_heads_ + kv_head) * group_ * (padded_ + 2);
    return {base, base + group_, base + 2 * group_};
  }

  // One split of one query; whoever finishes the last of its splits merges them all, in their
  // order.
  void AttendPartially(const AttentionItem& item, uint32_t index, uint32_t kv_head) {
    AttendSplit(item, kv_head, item.split_begin, Partial(index, kv_head));
    std::atomic<uint32_t>& finished =
        t_.workspace.finished[size_t{item.first_partial} * kv_heads_ + kv_head];
    if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 != item.partials) return;
    finished.store(0, std::memory_order_relaxed);
    const AttentionState all = Partial(item.first_partial, kv_head);
    for (uint32_t i = 1; i < item.partials; ++i)
      t_.kernels.attention.merge(Partial(item.first_partial + i, kv_head), all, group_, padded_);
    Deliver(item, kv_head, all);
  }

  void Deliver(const AttentionItem& item, uint32_t kv_head, const AttentionState& all) {
    t_.kernels.attention.finish(all, item.queries * group_, padded_);
    const uint32_t first = t_.pass.slices[item.slice].first + item.first;
    for (uint32_t q = 0; q < item.queries; ++q) {
      for (uint32_t g = 0; g < group_; ++g) {
        float* to =
            t_.workspace.attended + (size_t{first + q} * b_.heads + kv_head * group_ + g) * dim_;
        std::memcpy(to, all.out + (size_t{q} * group_ + g) * padded_, dim_ * sizeof(float));
      }
    }
  }

  PassThread& t_;
  const Blueprint& b_;
  const LayerWeights& w_;
  uint32_t layer_;
  RopeStyle rope_;
  const RotaryRows& table_;
  const AttentionPlan& plan_;
  uint32_t kv_heads_, group_, dim_, padded_;
};

}  // namespace

void RunAttentionBlock(PassThread& thread, uint32_t layer) { AttentionBlock(thread, layer).Run(); }

}  // namespace ingle
