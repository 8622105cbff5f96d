#include "model/decoder.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "cache/kv_cache.h"
#include "model/blocks/attention_block.h"
#include "model/blocks/convolution_block.h"
#include "model/blocks/experts_block.h"
#include "model/blocks/feed_forward_block.h"
#include "model/blocks/products.h"
#include "model/blocks/rotary.h"
#include "model/blocks/workspace.h"
#include "model/cache_shape.h"
#include "model/decoder_sequence.h"
#include "model/pass_work.h"

namespace ingle {
namespace {

static_assert(kHeadDimMax <= kAttentionDimMax);

DecoderSequence& Own(Sequence& sequence) { return static_cast<DecoderSequence&>(sequence); }

// What planning attention needs of a model.
struct AttentionShape {
  uint32_t kv_most = 1, kv_least = 1, group_most = 1;
  std::vector<uint32_t> windows;  // Each once.

  explicit AttentionShape(const Blueprint& b) : kv_least(b.heads) {
    for (const LayerBlueprint& layer : b.layers) {
      if (layer.mixer != Mixer::kAttention) continue;
      kv_most = std::max(kv_most, layer.kv_heads);
      kv_least = std::min(kv_least, layer.kv_heads);
      if (!std::ranges::count(windows, layer.window)) windows.push_back(layer.window);
    }
    group_most = b.heads / kv_least;
  }
};

class Decoder : public Model {
 public:
  Decoder(DecoderWeights weights, std::unique_ptr<ThreadTeam> team, const Kernels& kernels,
          KvCache cache, Workspace workspace, ModelInfo info)
      : weights_(std::move(weights)),
        team_(std::move(team)),
        kernels_(kernels),
        cache_(std::make_shared<DecoderCache>(std::move(cache))),
        workspace_(std::move(workspace)),
        info_(std::move(info)),
        shape_(weights_.blueprint),
        near_tokens_(weights_.far_rope.frequencies.empty()
                         ? UINT32_MAX
                         : weights_.blueprint.rope.original_context) {}

  const ModelInfo& info() const override { return info_; }
  ThreadTeam* team() override { return team_.get(); }
  const StepProfile* profile() const override { return &profile_; }
  void ProfileDetails(bool on) override { details_ = on; }
  uint64_t progress() const override { return progress_.load(std::memory_order_relaxed); }
  std::unique_ptr<Sequence> NewSequence() override {
    return std::make_unique<DecoderSequence>(cache_, near_tokens_ != UINT32_MAX);
  }
  uint64_t free_cache_tokens() const override {
    return uint64_t{cache_->kv.pool().free_pages()} * kPageTokens;
  }

  Status Reserve(Sequence& sequence, uint32_t total_tokens) override;
  uint32_t Reuse(Sequence& sequence, std::string_view scope,
                 std::span<const int32_t> tokens) override {
    return Own(sequence).Reuse(scope, tokens);
  }
  Status Step(std::span<const Segment> segments, std::span<float> logits) override;

 private:
  Status CheckSegments(std::span<const Segment> segments, std::span<const float> logits) const;
  Status ReserveAll(std::span<const Segment> segments);
  void RunSegment(const Segment& segment);
  void RunAgainFar(const Segment& segment, size_t from);
  void AddToPass(const Segment& segment, size_t from, size_t count, bool far);
  void PlanAttention();
  void RunPass();
  void RunLayers(PassThread& thread);
  void Embed(PassThread& thread);
  void Head(PassThread& thread);

  DecoderWeights weights_;
  std::unique_ptr<ThreadTeam> team_;
  const Kernels& kernels_;
  std::shared_ptr<DecoderCache> cache_;
  Workspace workspace_;
  ModelInfo info_;
  AttentionShape shape_;
  uint32_t near_tokens_;  // Positions from here on rotate by far_rope.
  StepProfile profile_;
  bool details_ = false;
  std::atomic<uint64_t> progress_{0};
  Pass pass_;
};

Status Decoder::Reserve(Sequence& sequence, uint32_t total_tokens) {
  DecoderSequence& own = Own(sequence);
  if (total_tokens > info_.context_max)
    return Fail(ErrorCode::kTooLarge,
                "the model was made for " + std::to_string(info_.context_max) + " tokens; " +
                    std::to_string(total_tokens) + " are asked for",
                {}, "context_length_exceeded");
  if (!own.Reserve(total_tokens))
    return Fail(ErrorCode::kOutOfMemory,
                "the cache has room for " + std::to_string(free_cache_tokens()) +
                    " more tokens of its " + std::to_string(info_.cache_tokens) +
                    "; wait until a sequence ends, or start with a larger cache");
  return {};
}

Status Decoder::CheckSegments(std::span<const Segment> segments,
                              std::span<const float> logits) const {
  size_t rows = 0;
  for (const Segment& segment : segments) {
    if (!segment.sequence || segment.tokens.empty())
      return Fail(ErrorCode::kInternal, "a segment of a step has no sequence or no tokens");
    for (const Segment& other : segments)
      if (&other != &segment && other.sequence == segment.sequence)
        return Fail(ErrorCode::kInternal, "a sequence is twice in one step");
    for (const int32_t token : segment.tokens)
      if (token < 0 || static_cast<uint32_t>(token) >= info_.vocab)
        return Fail(ErrorCode::kInvalidRequest, "token " + std::to_string(token) +
                                                    " is not in the vocabulary of " +
                                                    std::to_string(info_.vocab));
    if (!segment.no_logits) rows += segment.all_logits ? segment.tokens.size() : 1;
  }
  if (rows * info_.vocab != logits.size())
    return Fail(ErrorCode::kInternal,
                "the logits of a step need room for " + std::to_string(rows) + " rows");
  return {};
}

// Pages for every segment, or none changed.
Status Decoder::ReserveAll(std::span<const Segment> segments) {
  std::vector<size_t> before;
  for (const Segment& segment : segments) {
    DecoderSequence& own = Own(*segment.sequence);
    before.push_back(own.pages().size());
    const uint64_t total = own.length() + uint64_t{segment.tokens.size()};
    Status reserved = Reserve(own, static_cast<uint32_t>(std::min<uint64_t>(total, UINT32_MAX)));
    if (reserved) continue;
    for (size_t i = 0; i < before.size(); ++i) Own(*segments[i].sequence).ReturnPages(before[i]);
    return reserved;
  }
  return {};
}

void Decoder::AddToPass(const Segment& segment, size_t from, size_t count, bool far) {
  const DecoderSequence& own = Own(*segment.sequence);
  const uint32_t first = pass_.tokens;
  pass_.Add(segment.tokens.subspan(from, count), own.length() + static_cast<uint32_t>(from),
            own.pages(), far);
  if (segment.no_logits) return;
  for (size_t i = 0; i < count; ++i)
    if (segment.all_logits || from + i + 1 == segment.tokens.size())
      pass_.logit_rows.push_back(first + static_cast<uint32_t>(i));
}

Status Decoder::Step(std::span<const Segment> segments, std::span<float> logits) {
  INGLE_RETURN_IF_ERROR(CheckSegments(segments, logits));
  INGLE_RETURN_IF_ERROR(ReserveAll(segments));
  pass_.Clear();
  pass_.logits = logits.data();
  for (const Segment& segment : segments) RunSegment(segment);
  if (pass_.tokens > 0) RunPass();
  for (const Segment& segment : segments) Own(*segment.sequence).Append(segment.tokens);
  ++profile_.steps;
  return {};
}

void Decoder::RunSegment(const Segment& segment) {
  const uint32_t before = Own(*segment.sequence).length();
  for (size_t from = 0; from < segment.tokens.size();) {
    const size_t position = before + from;
    const bool far = position >= near_tokens_;
    if (position == near_tokens_) RunAgainFar(segment, from);
    size_t count = std::min<size_t>(segment.tokens.size() - from, kPassTokens - pass_.tokens);
    if (!far) count = std::min<size_t>(count, near_tokens_ - position);
    AddToPass(segment, from, count, far);
    from += count;
    if (pass_.tokens == kPassTokens) RunPass();
  }
}

// A LongRoPE model computes every position of a sequence with other frequencies once the sequence
// is longer than the original context, as the original does: all its tokens so far run again. So
// the logits at a position depend on the tokens up to it only, however they came.
void Decoder::RunAgainFar(const Segment& segment, size_t from) {
  if (pass_.tokens > 0) RunPass();
  const DecoderSequence& own = Own(*segment.sequence);
  std::vector<int32_t> tokens = own.history();
  tokens.insert(tokens.end(), segment.tokens.begin(),
                segment.tokens.begin() + static_cast<std::ptrdiff_t>(from));
  for (size_t at = 0; at < tokens.size();) {
    const size_t count = std::min<size_t>(tokens.size() - at, kPassTokens - pass_.tokens);
    pass_.Add(std::span(tokens).subspan(at, count), static_cast<uint32_t>(at), own.pages(), true);
    at += count;
    if (pass_.tokens == kPassTokens) RunPass();
  }
}

void Decoder::PlanAttention() {
  const size_t floats = size_t{shape_.group_most} * (cache_->kv.padded_dim() + 2);
  for (const uint32_t window : shape_.windows) {
    pass_.PlanAttention(shape_.group_most, shape_.kv_least, team_->size(), window);
    const auto& items = pass_.PlanOf(window).items;
    if (std::ranges::any_of(items, [](const AttentionItem& item) { return item.partials > 1; }))
      workspace_.ReservePartials(items.size() * shape_.kv_most, floats);
  }
}

void Decoder::RunPass() {
  PlanAttention();
  team_->Run([&](uint32_t index) {
    auto& own = workspace_.threads[index];
    const auto now = std::chrono::steady_clock::now();
    PassThread thread{index,
                      *team_,
                      kernels_,
                      weights_,
                      cache_->kv,
                      workspace_,
                      pass_,
                      own,
                      profile_,
                      progress_,
                      details_ && index == 0,
                      now};
    RunLayers(thread);
  });
  if (details_) CountWork(weights_, pass_, cache_->kv, profile_.work);
  profile_.tokens += pass_.tokens;
  float* rest = pass_.logits + pass_.logit_rows.size() * info_.vocab;
  pass_.Clear();
  pass_.logits = rest;
}

void Decoder::RunLayers(PassThread& thread) {
  Embed(thread);
  thread.Barrier();
  thread.Mark(StepPhase::kEmbed);
  for (uint32_t layer = 0; layer < weights_.layers.size(); ++layer) {
    const LayerBlueprint& blueprint = weights_.blueprint.layers[layer];
    if (blueprint.mixer == Mixer::kAttention)
      RunAttentionBlock(thread, layer);
    else
      RunConvolutionBlock(thread, layer);
    if (blueprint.feed_forward == FeedForward::kExperts)
      RunExpertsBlock(thread, layer);
    else
      RunFeedForwardBlock(thread, layer);
  }
  if (!pass_.logit_rows.empty()) Head(thread);
  thread.Mark(StepPhase::kHead);
}

void Decoder::Embed(PassThread& thread) {
  const Blueprint& b = weights_.blueprint;
  const uint32_t width = b.model_dim;
  const ElementwiseKernels& e = kernels_.elementwise;
  thread.team.ForChunks(thread.index, pass_.tokens, 1, [&](uint64_t token, uint64_t) {
    const auto i = static_cast<uint32_t>(token);
    const uint32_t position = pass_.Position(i);
    float* x = workspace_.x + token * width;
    ReadRow(weights_.embedding, static_cast<uint32_t>(pass_.ids[token]), x);
    if (b.embedding_scale != 1.0f) e.scale(x, b.embedding_scale, width);
    if (!weights_.position_embedding.empty())
      e.add(x, weights_.position_embedding.data() + size_t{position} * width, width);
    const bool far = pass_.slices[pass_.slice_of[i]].far;
    const auto fill = [&](const RopeTable& table, const RotaryRows& rows) {
      FillRotary(table, position, rows.cosines + token * rows.pairs,
                 rows.sines + token * rows.pairs);
    };
    fill(far ? weights_.far_rope : weights_.rope, workspace_.rope);
    fill(weights_.local_rope, workspace_.local_rope);
  });
}

void Decoder::Head(PassThread& thread) {
  const Blueprint& b = weights_.blueprint;
  const PackedMatrix& head = weights_.output;
  const auto rows = static_cast<uint32_t>(pass_.logit_rows.size());
  const ActivationSet& activations =
      MakeActivations(thread, rows, b.model_dim, FeedOf(head), [&](uint32_t i, float* row) {
        const float* x = workspace_.x + size_t{pass_.logit_rows[i]} * b.model_dim;
        Normalise(thread, x, weights_.final_norm, weights_.final_norm_bias, row);
        return row;
      });
  const uint32_t unit = RowsPerUnit(head, rows, workspace_.product_rows, thread.team.size());
  thread.team.ForChunks(thread.index, head.rows, unit, [&](uint64_t begin, uint64_t end) {
    float* logits = pass_.logits + begin;
    Multiply(kernels_, head, activations[head.feed], rows, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), logits, head.rows);
    for (uint32_t i = 0; i < rows && b.logit_softcap != 0; ++i)
      kernels_.elementwise.softcap(logits + size_t{i} * head.rows, b.logit_softcap,
                                   static_cast<uint32_t>(end - begin));
    thread.Worked();
  });
}

// See CacheType::kAuto.
CacheFormat CacheFormatFor(CacheType type, const DecoderWeights& weights) {
  if (const auto chosen = ChosenFormat(type)) return *chosen;
  const auto precise = [](const PackedMatrix& matrix) {
    return matrix.type == DType::kF32 || matrix.type == DType::kF16;
  };
  const bool all = std::ranges::all_of(weights.layers, [&](const LayerWeights& layer) {
    return precise(layer.query) && precise(layer.key) && precise(layer.value);
  });
  return all ? kCacheF32 : kCacheBf16;
}

// To the precision of a 16-bit type, ties to even.
float Rounded(float value, DType type) {
  if (type != DType::kBF16 && type != DType::kF16) return value;
  const int bits = type == DType::kBF16 ? 8 : 11, shift = bits - 1 - std::ilogb(value);
  return std::ldexp(std::nearbyint(std::ldexp(value, shift)), -shift);
}

// The channel's taps side by side become the tap's channels side by side.
void TransposeTaps(std::vector<float>& taps, uint32_t channels, uint32_t count) {
  std::vector<float> by_tap(taps.size());
  for (size_t c = 0; c < channels; ++c)
    for (size_t t = 0; t < count; ++t) by_tap[t * channels + c] = taps[c * count + t];
  taps = std::move(by_tap);
}

// What follows from the blueprint and the weights' types.
void Complete(DecoderWeights& weights) {
  Blueprint& b = weights.blueprint;
  if (b.attention_scale == 0) b.attention_scale = 1.0f / std::sqrt(static_cast<float>(b.head_dim));
  b.embedding_scale = Rounded(b.embedding_scale, weights.embedding.type);
  for (LayerWeights& layer : weights.layers)
    if (!layer.conv_taps.empty()) TransposeTaps(layer.conv_taps, b.model_dim, b.conv_taps);
  const auto either = [](const std::vector<float>& stored, const std::vector<float>& described) {
    return std::span<const float>(stored.empty() ? described : stored);
  };
  if (b.rope.scaling == RopeScaling::kLongRope) {
    weights.rope = MakeRopeTable(b.rope, either(weights.rope_factors_short, b.rope.short_factors));
    weights.far_rope =
        MakeRopeTable(b.rope, either(weights.rope_factors_long, b.rope.long_factors));
  }
  if (std::ranges::any_of(b.layers, &LayerBlueprint::local_rope))
    weights.local_rope = MakeRopeTable(b.local_rope, {});
}

}  // namespace

Result<std::unique_ptr<Model>> MakeDecoder(DecoderWeights weights, std::unique_ptr<ThreadTeam> team,
                                           const Kernels& kernels, const ModelOptions& options,
                                           ModelInfo info) {
  Complete(weights);
  const Blueprint& b = weights.blueprint;
  const CacheShape shape = CacheShapeOf(b, CacheFormatFor(options.cache, weights));
  INGLE_TRY(KvCache cache, KvCache::Create(shape, options.cache_tokens != 0 ? options.cache_tokens
                                                                            : b.context_max));
  INGLE_TRY(Workspace workspace, Workspace::Create(weights, cache.padded_dim(), team->size()));
  info.tier = kernels.name;
  info.vocab = weights.output.rows;
  info.model_dim = b.model_dim;
  info.layers = static_cast<uint32_t>(b.layers.size());
  info.context_max = b.context_max;
  info.threads = team->size();
  info.parameters = weights.parameters;
  info.active_parameters = weights.active_parameters;
  info.active_bytes = weights.active_bytes;
  info.weight_bytes = weights.arena.size();
  info.cache_bytes_per_token = KvCache::BytesPerToken(shape);
  info.cache_tokens = uint64_t{cache.pool().capacity()} * kPageTokens;
  info.cache_page_tokens = kPageTokens;
  info.arithmetic_class = std::string("cpu-1/") + kCacheFormatNames[shape.format];
  return std::make_unique<Decoder>(std::move(weights), std::move(team), kernels, std::move(cache),
                                   std::move(workspace), std::move(info));
}

}  // namespace ingle
