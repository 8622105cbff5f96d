#include "model/blocks/experts_block.h"

#include <algorithm>
#include <cstring>

#include "model/blocks/products.h"

namespace ingle {
namespace {

class ExpertsBlock {
 public:
  ExpertsBlock(PassThread& thread, uint32_t layer)
      : t_(thread),
        b_(thread.weights.blueprint),
        w_(thread.weights.layers[layer]),
        tokens_(thread.pass.tokens) {}

  void Run() {
    // The router reads the rows of several tokens where all threads do: each has one writer.
    constexpr uint32_t kAloneForRouter = 1;
    const ActivationSet& normed = MakeActivations(
        t_, tokens_, b_.model_dim, FeedOf(w_.expert_gate[0]) | FeedOf(w_.expert_up[0]),
        [&](uint32_t i, float* row) {
          float* to = tokens_ == 1 ? row : t_.workspace.normed + size_t{i} * b_.model_dim;
          Normalise(t_, t_.workspace.x + size_t{i} * b_.model_dim, w_.ffn_norm, w_.ffn_norm_bias,
                    to);
          return to;
        },
        kAloneForRouter);
    Score(tokens_ == 1 ? t_.own.row : t_.workspace.normed);
    t_.Barrier();
    ChooseForAll();
    SortByExpert();
    GateAndUp(normed);
    t_.Barrier();
    t_.Mark(StepPhase::kGateUp);
    const ActivationSet& hidden = MakeActivations(
        t_, tokens_ * b_.experts.used, b_.experts.ffn_dim, FeedOf(w_.expert_down[0]),
        [&](uint32_t i, float*) { return t_.workspace.hidden + size_t{i} * b_.experts.ffn_dim; });
    Down(hidden);
    t_.Barrier();
    if (!w_.ffn_post_norm.empty()) {
      AddNormalised(t_, w_.ffn_post_norm);
      t_.Barrier();
    }
    t_.Mark(StepPhase::kDown);
  }

 private:
  // scores[token][expert] = router's row * normed token. A unit is some experts and some tokens.
  void Score(const float* normed) {
    constexpr uint32_t kExperts = 16, kTokens = 32;
    const uint32_t count = b_.experts.count, width = b_.model_dim;
    const uint32_t parts = (count + kExperts - 1) / kExperts;
    const uint64_t units = uint64_t{(tokens_ + kTokens - 1) / kTokens} * parts;
    t_.team.ForChunks(t_.index, units, 1, [&](uint64_t unit, uint64_t) {
      const auto expert = static_cast<uint32_t>(unit % parts) * kExperts;
      const auto first = static_cast<uint32_t>(unit / parts) * kTokens;
      const uint32_t together = std::min(kExperts, count - expert);
      for (uint32_t token = first; token < std::min(first + kTokens, tokens_); ++token)
        t_.kernels.elementwise.dot_rows(normed + size_t{token} * width,
                                        w_.router.data() + size_t{expert} * width, width, together,
                                        t_.workspace.scores + size_t{token} * count + expert);
    });
  }

  // One token's choice is made by every thread for itself, those of many are shared out.
  void ChooseForAll() {
    const auto choose = [&](uint64_t token, Route* routes) {
      float* scores = t_.own.scores;
      std::memcpy(scores, t_.workspace.scores + token * b_.experts.count,
                  b_.experts.count * sizeof(float));
      ChooseExperts(b_.experts, t_.kernels.elementwise, w_.router_bias, scores,
                    scores + b_.experts.count, routes);
    };
    if (tokens_ == 1) return choose(0, t_.own.routes);
    t_.team.ForChunks(t_.index, tokens_, 4, [&](uint64_t begin, uint64_t end) {
      for (uint64_t token = begin; token < end; ++token)
        choose(token, t_.workspace.routes + token * b_.experts.used);
    });
    t_.Barrier();
  }

  const Route& RouteAt(uint32_t i) const {
    return (tokens_ == 1 ? t_.own.routes : t_.workspace.routes)[i];
  }

  // own.sorted: all routes by expert, then token; own.starts[e]: where expert e's begin.
  void SortByExpert() {
    const uint32_t routes = tokens_ * b_.experts.used, count = b_.experts.count;
    uint32_t* starts = t_.own.starts;
    std::fill(starts, starts + count + 1, 0u);
    for (uint32_t i = 0; i < routes; ++i) ++starts[RouteAt(i).expert + 1];
    for (uint32_t e = 0; e < count; ++e) starts[e + 1] += starts[e];
    for (uint32_t i = 0; i < routes; ++i) t_.own.sorted[starts[RouteAt(i).expert]++] = i;
    for (uint32_t e = count; e > 0; --e) starts[e] = starts[e - 1];
    starts[0] = 0;
    active_ = 0;
    for (uint32_t e = 0; e < count; ++e)
      if (starts[e] != starts[e + 1]) t_.own.active[active_++] = e;
  }

  // hidden[i] for all sorted routes i.
  void GateAndUp(const ActivationSet& activations) {
    const uint32_t width = b_.experts.ffn_dim;
    const uint32_t unit =
        RowsPerUnit(w_.expert_gate[0], t_.pass.tokens, t_.workspace.product_rows, t_.team.size());
    const uint32_t units = (width + unit - 1) / unit;
    t_.team.ForChunks(t_.index, uint64_t{active_} * units, 1, [&](uint64_t i, uint64_t) {
      const uint32_t begin = static_cast<uint32_t>(i % units) * unit;
      GateAndUpRows(t_.own.active[i / units], begin, std::min(begin + unit, width), activations);
    });
  }

  void GateAndUpRows(uint32_t expert, uint32_t begin, uint32_t end,
                     const ActivationSet& activations) {
    const PackedMatrix &gate = w_.expert_gate[expert], &up = w_.expert_up[expert];
    const auto activate = b_.activation == Activation::kSilu
                              ? t_.kernels.elementwise.silu_multiply
                              : t_.kernels.elementwise.gelu_tanh_multiply;
    const uint32_t rows = end - begin;
    for (uint32_t i = t_.own.starts[expert]; i < t_.own.starts[expert + 1];) {
      const uint32_t count = std::min(kGatheredTokens, t_.own.starts[expert + 1] - i);
      float* gated = t_.own.product;
      float* upped = gated + size_t{count} * rows;
      const std::byte* inputs = Gathered(gate, activations, i, count);
      Multiply(t_.kernels, gate, inputs, count, begin, end, gated, rows);
      if (up.feed != gate.feed) inputs = Gathered(up, activations, i, count);
      Multiply(t_.kernels, up, inputs, count, begin, end, upped, rows);
      for (uint32_t j = 0; j < count; ++j)
        activate(gated + size_t{j} * rows, upped + size_t{j} * rows, rows,
                 t_.workspace.hidden + size_t{i + j} * b_.experts.ffn_dim + begin);
      i += count;
    }
  }

  // Activations of the tokens of sorted routes [first, first + count), one after another.
  const std::byte* Gathered(const PackedMatrix& matrix, const ActivationSet& activations,
                            uint32_t first, uint32_t count) {
    const std::byte* from = activations[matrix.feed];
    if (tokens_ == 1) return from;
    const size_t bytes = ActivationBytes(matrix.activation, matrix.cols);
    for (uint32_t j = 0; j < count; ++j)
      std::memcpy(t_.own.gathered + j * bytes, from + TokenOf(first + j) * bytes, bytes);
    return t_.own.gathered;
  }

  uint32_t TokenOf(uint32_t sorted) const { return t_.own.sorted[sorted] / b_.experts.used; }

  // x += the experts' outputs, for this thread's share of the output rows.
  void Down(const ActivationSet& hidden) {
    const PackedMatrix& first = w_.expert_down[0];
    const uint32_t unit =
        RowsPerUnit(first, t_.pass.tokens, t_.workspace.product_rows, t_.team.size());
    t_.team.ForChunks(t_.index, first.rows, unit, [&](uint64_t begin, uint64_t end) {
      const auto rows = static_cast<uint32_t>(end - begin);
      float* product = t_.own.product;
      float* sums = product + size_t{tokens_} * rows;
      std::fill(sums, sums + size_t{tokens_} * rows, 0.0f);
      for (uint32_t a = 0; a < active_; ++a) {
        const uint32_t expert = t_.own.active[a], from = t_.own.starts[expert];
        const uint32_t count = t_.own.starts[expert + 1] - from;
        const PackedMatrix& down = w_.expert_down[expert];
        const size_t bytes = ActivationBytes(down.activation, down.cols);
        Multiply(t_.kernels, down, hidden[down.feed] + from * bytes, count,
                 static_cast<uint32_t>(begin), static_cast<uint32_t>(end), product, rows);
        for (uint32_t j = 0; j < count; ++j)
          t_.kernels.elementwise.add_scaled(sums + size_t{TokenOf(from + j)} * rows,
                                            product + size_t{j} * rows,
                                            RouteAt(t_.own.sorted[from + j]).weight, rows);
      }
      Deliver(sums, begin, rows);
    });
  }

  void Deliver(const float* sums, uint64_t begin, uint32_t rows) {
    for (uint32_t token = 0; token < tokens_; ++token) {
      const size_t at = size_t{token} * b_.model_dim + begin;
      const float* from = sums + size_t{token} * rows;
      if (w_.ffn_post_norm.empty())
        t_.kernels.elementwise.add(t_.workspace.x + at, from, rows);
      else
        std::memcpy(t_.workspace.projected + at, from, rows * sizeof(float));
    }
  }

  PassThread& t_;
  const Blueprint& b_;
  const LayerWeights& w_;
  uint32_t tokens_, active_ = 0;
};

}  // namespace

void ChooseExperts(const ExpertsBlueprint& experts, const ElementwiseKernels& kernels,
                   const std::vector<float>& bias, float* scores, float* room, Route* routes) {
  if (experts.sigmoid)
    kernels.sigmoid(scores, experts.count);
  else
    kernels.softmax(scores, experts.count);
  for (uint32_t e = 0; e < experts.count; ++e) room[e] = scores[e] + (bias.empty() ? 0 : bias[e]);
  float sum = 0;
  for (uint32_t i = 0; i < experts.used; ++i) {
    uint32_t best = experts.count;
    for (uint32_t e = 0; e < experts.count; ++e) {
      bool taken = false;
      for (uint32_t j = 0; j < i; ++j) taken |= routes[j].expert == e;
      if (!taken && (best == experts.count || room[e] > room[best])) best = e;
    }
    routes[i] = {best, scores[best]};
    sum += scores[best];
  }
  for (uint32_t i = 0; i < experts.used; ++i) {
    if (experts.normalise) routes[i].weight /= sum + experts.sum_epsilon;
    routes[i].weight *= experts.weight_scale;
  }
}

void RunExpertsBlock(PassThread& thread, uint32_t layer) { ExpertsBlock(thread, layer).Run(); }

}  // namespace ingle
