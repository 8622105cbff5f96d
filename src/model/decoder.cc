#include "model/decoder.h"

#include <algorithm>
#include <string>
#include <utility>

#include "cache/kv_cache.h"
#include "model/blocks/attention_block.h"
#include "model/blocks/feed_forward_block.h"
#include "model/blocks/rotary.h"
#include "model/blocks/workspace.h"

namespace ingle {
namespace {

class DecoderSequence : public Sequence {
 public:
  explicit DecoderSequence(std::shared_ptr<KvCache> cache) : cache_(std::move(cache)) {}
  ~DecoderSequence() override { cache_->pool().Return(pages, 0); }
  uint32_t length() const override { return tokens; }

  uint32_t tokens = 0;
  std::vector<uint32_t> pages;

 private:
  std::shared_ptr<KvCache> cache_;
};

DecoderSequence& Own(Sequence& sequence) { return static_cast<DecoderSequence&>(sequence); }

uint32_t PagesFor(uint64_t tokens) {
  return static_cast<uint32_t>((tokens + kPageTokens - 1) / kPageTokens);
}

class Decoder : public Model {
 public:
  Decoder(DecoderWeights weights, std::unique_ptr<ThreadTeam> team, const Kernels& kernels,
          KvCache cache, Workspace workspace, ModelInfo info)
      : weights_(std::move(weights)),
        team_(std::move(team)),
        kernels_(kernels),
        cache_(std::make_shared<KvCache>(std::move(cache))),
        workspace_(std::move(workspace)),
        info_(std::move(info)) {}

  const ModelInfo& info() const override { return info_; }
  const StepProfile* profile() const override { return &profile_; }
  uint64_t progress() const override { return progress_.load(std::memory_order_relaxed); }
  std::unique_ptr<Sequence> NewSequence() override {
    return std::make_unique<DecoderSequence>(cache_);
  }
  uint64_t free_cache_tokens() const override {
    return uint64_t{cache_->pool().free_pages()} * kPageTokens;
  }

  Status Reserve(Sequence& sequence, uint32_t total_tokens) override;
  Status Step(std::span<const Segment> segments, std::span<float> logits) override;

 private:
  Status CheckSegments(std::span<const Segment> segments, std::span<const float> logits) const;
  Status ReserveAll(std::span<const Segment> segments);
  void AddToPass(const Segment& segment, size_t from, size_t count);
  void RunPass();
  void RunLayers(PassThread& thread);
  void Embed(PassThread& thread);
  void Head(PassThread& thread);

  DecoderWeights weights_;
  std::unique_ptr<ThreadTeam> team_;
  const Kernels& kernels_;
  std::shared_ptr<KvCache> cache_;
  Workspace workspace_;
  ModelInfo info_;
  StepProfile profile_;
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
  const uint32_t needed = PagesFor(total_tokens);
  if (needed <= own.pages.size()) return {};
  if (!cache_->pool().Take(needed - static_cast<uint32_t>(own.pages.size()), own.pages))
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
    before.push_back(own.pages.size());
    const uint64_t total = own.tokens + uint64_t{segment.tokens.size()};
    Status reserved = Reserve(own, static_cast<uint32_t>(std::min<uint64_t>(total, UINT32_MAX)));
    if (reserved) continue;
    for (size_t i = 0; i < before.size(); ++i)
      cache_->pool().Return(Own(*segments[i].sequence).pages, before[i]);
    return reserved;
  }
  return {};
}

void Decoder::AddToPass(const Segment& segment, size_t from, size_t count) {
  const DecoderSequence& own = Own(*segment.sequence);
  const uint32_t first = pass_.tokens;
  pass_.Add(segment.tokens.subspan(from, count), own.tokens + static_cast<uint32_t>(from),
            own.pages);
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
  for (const Segment& segment : segments) {
    for (size_t from = 0; from < segment.tokens.size();) {
      const size_t count =
          std::min<size_t>(segment.tokens.size() - from, kPassTokens - pass_.tokens);
      AddToPass(segment, from, count);
      from += count;
      if (pass_.tokens == kPassTokens) RunPass();
    }
  }
  if (pass_.tokens > 0) RunPass();
  for (const Segment& segment : segments)
    Own(*segment.sequence).tokens += static_cast<uint32_t>(segment.tokens.size());
  ++profile_.steps;
  return {};
}

void Decoder::RunPass() {
  const Blueprint& b = weights_.blueprint;
  uint32_t kv_most = 1, kv_least = b.heads;
  for (const LayerBlueprint& layer : b.layers) {
    kv_most = std::max(kv_most, layer.kv_heads);
    kv_least = std::min(kv_least, layer.kv_heads);
  }
  const uint32_t group_most = b.heads / kv_least;
  pass_.PlanAttention(group_most, kv_least, team_->size());
  const size_t floats = size_t{group_most} * (cache_->padded_dim() + 2);
  if (!pass_.items.empty() &&
      std::any_of(pass_.items.begin(), pass_.items.end(),
                  [](const AttentionItem& item) { return item.partials > 1; }))
    workspace_.ReservePartials(pass_.items.size() * kv_most, floats);
  team_->Run([&](uint32_t index) {
    PassThread thread{index,
                      *team_,
                      kernels_,
                      weights_,
                      *cache_,
                      workspace_,
                      pass_,
                      workspace_.threads[index],
                      profile_,
                      progress_,
                      std::chrono::steady_clock::now()};
    RunLayers(thread);
  });
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
    RunAttentionBlock(thread, layer);
    RunFeedForwardBlock(thread, layer);
  }
  if (!pass_.logit_rows.empty()) Head(thread);
  thread.Mark(StepPhase::kHead);
}

void Decoder::Embed(PassThread& thread) {
  const uint32_t width = weights_.blueprint.model_dim;
  const size_t pairs = weights_.rope.frequencies.size();
  thread.team.ForChunks(thread.index, pass_.tokens, 1, [&](uint64_t token, uint64_t) {
    ReadRow(weights_.embedding, static_cast<uint32_t>(pass_.ids[token]),
            workspace_.x + token * width);
    FillRotary(weights_.rope, pass_.Position(static_cast<uint32_t>(token)),
               workspace_.cosines + token * pairs, workspace_.sines + token * pairs);
  });
}

void Decoder::Head(PassThread& thread) {
  const Blueprint& b = weights_.blueprint;
  const PackedMatrix& head = weights_.output;
  const auto rows = static_cast<uint32_t>(pass_.logit_rows.size());
  const ActivationSet& activations =
      MakeActivations(thread, rows, b.model_dim, KindBit(head), [&](uint32_t i, float* row) {
        const float* x = workspace_.x + size_t{pass_.logit_rows[i]} * b.model_dim;
        kernels_.elementwise.rms_norm(x, weights_.final_norm.data(), b.model_dim, b.norm_epsilon,
                                      row);
        return row;
      });
  const uint32_t unit = RowsPerUnit(head, workspace_.product_rows, thread.team.size());
  thread.team.ForChunks(thread.index, head.rows, unit, [&](uint64_t begin, uint64_t end) {
    Multiply(kernels_, head, activations[head.activation], rows, static_cast<uint32_t>(begin),
             static_cast<uint32_t>(end), pass_.logits + begin, head.rows);
    thread.Worked();
  });
}

// See CacheType::kAuto.
auto CacheFormatFor(CacheType type, const DecoderWeights& weights) {
  if (type != CacheType::kAuto) return type == CacheType::kBf16 ? kCacheBf16 : kCacheF32;
  const auto precise = [](const PackedMatrix& matrix) {
    return matrix.type == DType::kF32 || matrix.type == DType::kF16;
  };
  const bool all = std::ranges::all_of(weights.layers, [&](const LayerWeights& layer) {
    return precise(layer.query) && precise(layer.key) && precise(layer.value);
  });
  return all ? kCacheF32 : kCacheBf16;
}

}  // namespace

Result<std::unique_ptr<Model>> MakeDecoder(DecoderWeights weights, std::unique_ptr<ThreadTeam> team,
                                           const Kernels& kernels, const ModelOptions& options,
                                           ModelInfo info) {
  const Blueprint& b = weights.blueprint;
  CacheShape shape;
  shape.format = CacheFormatFor(options.cache, weights);
  shape.head_dim = b.head_dim;
  for (const LayerBlueprint& layer : b.layers) shape.kv_heads.push_back(layer.kv_heads);
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
  info.weight_bytes = weights.arena.size();
  info.cache_bytes_per_token = KvCache::BytesPerToken(shape);
  info.cache_tokens = uint64_t{cache.pool().capacity()} * kPageTokens;
  info.cache_page_tokens = kPageTokens;
  info.arithmetic_class = std::string("cpu-1/") + (shape.format == kCacheBf16 ? "bf16" : "f32");
  return std::make_unique<Decoder>(std::move(weights), std::move(team), kernels, std::move(cache),
                                   std::move(workspace), std::move(info));
}

}  // namespace ingle
