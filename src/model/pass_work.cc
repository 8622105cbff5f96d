#include "model/pass_work.h"

#include <algorithm>

namespace ingle {
namespace {

// Adds products of `tokens` tokens with a matrix that is read once.
void AddMatrix(const PackedMatrix& matrix, double tokens, PhaseWork& work) {
  const double products = tokens * matrix.rows * matrix.cols;
  work.bytes += static_cast<double>(matrix.tile_bytes) * TileCount(matrix.rows);
  switch (matrix.activation) {
    case kActivationF32:
    case kActivationBf16: work.floating_products += products; break;
    case kActivationBf16x2:
      work.floating_products += 3 * products;  // hi * hi, hi * lo, lo * hi.
      break;
    case kActivationQ8x32Parts: work.integer_products += kActivationParts * products; break;
    default: work.integer_products += products;
  }
}

// The experts of one kind in a layer; each of the tokens goes to `used` of them.
void AddExperts(const std::vector<PackedMatrix>& experts, uint32_t used, uint32_t tokens,
                PhaseWork& work) {
  PhaseWork all;
  for (const PackedMatrix& matrix : experts) AddMatrix(matrix, tokens, all);
  const auto count = static_cast<double>(experts.size());
  work.bytes += all.bytes * std::min(1.0, double{1} * used * tokens / count);
  work.integer_products += all.integer_products * used / count;
  work.floating_products += all.floating_products * used / count;
}

void AddAttention(const Blueprint& b, const LayerBlueprint& layer, const Pass& pass,
                  const KvCache& cache, PhaseWork& work) {
  const double token_bytes =
      static_cast<double>(CacheBlockBytes(cache.format(), cache.padded_dim())) / kPageTokens;
  for (const Slice& slice : pass.slices) {
    double seen = 0;
    for (uint32_t i = 0; i < slice.count; ++i) {
      const uint32_t position = slice.position + i;
      seen += position + 1 - WindowBegin(position, layer.window);
    }
    const uint32_t last = slice.position + slice.count;
    const uint32_t keys = last - WindowBegin(slice.position, layer.window);
    work.bytes += 2.0 * keys * layer.kv_heads * token_bytes;
    const double products = 2.0 * seen * b.heads * b.head_dim;
    if (cache.format() == kCacheI8)
      work.integer_products += 2 * products;  // Of 16 bits: as two of 8.
    else
      work.floating_products += products;
  }
}

}  // namespace

void CountWork(const DecoderWeights& weights, const Pass& pass, const KvCache& cache,
               std::array<PhaseWork, kStepPhases>& work) {
  const auto of = [&](StepPhase phase) -> PhaseWork& { return work[static_cast<size_t>(phase)]; };
  const Blueprint& b = weights.blueprint;
  of(StepPhase::kEmbed).bytes +=
      pass.tokens * static_cast<double>(weights.embedding.tile_bytes) / kPackTileRows;
  for (size_t i = 0; i < weights.layers.size(); ++i) {
    const LayerWeights& w = weights.layers[i];
    const LayerBlueprint& layer = b.layers[i];
    if (layer.mixer == Mixer::kAttention) {
      for (const PackedMatrix* matrix : {&w.query, &w.key, &w.value})
        AddMatrix(*matrix, pass.tokens, of(StepPhase::kQkv));
      AddAttention(b, layer, pass, cache, of(StepPhase::kAttention));
      AddMatrix(w.attention_out, pass.tokens, of(StepPhase::kAttentionOut));
    } else {
      for (const PackedMatrix* matrix : {&w.conv_gate_in, &w.conv_gate_out, &w.conv_value})
        AddMatrix(*matrix, pass.tokens, of(StepPhase::kQkv));
      AddMatrix(w.conv_out, pass.tokens, of(StepPhase::kAttentionOut));
    }
    if (layer.feed_forward == FeedForward::kExperts) {
      AddExperts(w.expert_gate, b.experts.used, pass.tokens, of(StepPhase::kGateUp));
      AddExperts(w.expert_up, b.experts.used, pass.tokens, of(StepPhase::kGateUp));
      AddExperts(w.expert_down, b.experts.used, pass.tokens, of(StepPhase::kDown));
      continue;
    }
    if (layer.feed_forward == FeedForward::kGated)
      AddMatrix(w.gate, pass.tokens, of(StepPhase::kGateUp));
    AddMatrix(w.up, pass.tokens, of(StepPhase::kGateUp));
    AddMatrix(w.down, pass.tokens, of(StepPhase::kDown));
  }
  if (!pass.logit_rows.empty())
    AddMatrix(weights.output, static_cast<double>(pass.logit_rows.size()), of(StepPhase::kHead));
}

}  // namespace ingle
