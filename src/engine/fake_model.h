#pragma once
// For tests of the engine: a model whose logits are a function of the token history alone, a
// tokenizer of bytes, and a template. Nothing of this is in the program.

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counter_random.h"
#include "chat/chat_template.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace ingle {

inline constexpr TokenId kFakeBegin = 256, kFakeStart = 257, kFakeEnd = 258, kFakeEos = 259;
inline constexpr uint32_t kFakeVocab = 260;

// Tokens 0..255 are bytes; then "<s>", "<|im_start|>", "<|im_end|>" and "</s>", all control.
class FakeTokenizer final : public Tokenizer {
 public:
  FakeTokenizer() {
    bos = kFakeBegin;
    eos = kFakeEos;
    end_ids = {kFakeEnd, kFakeEos};
  }
  using Tokenizer::Encode;
  std::vector<TokenId> Encode(std::span<const TextSpan> spans, bool) const override {
    std::vector<TokenId> ids;
    for (const TextSpan& span : spans)
      for (size_t i = 0; i < span.text.size();) {
        TokenId id = static_cast<uint8_t>(span.text[i]);
        size_t length = 1;
        for (TokenId control = kFakeBegin; span.trusted && control <= kFakeEos; ++control)
          if (span.text.substr(i).starts_with(Spelling(control))) {
            id = control;
            length = Spelling(control).size();
          }
        ids.push_back(id);
        i += length;
      }
    return ids;
  }
  std::string TokenBytes(TokenId id, bool show_control) const override {
    if (id < 256) return std::string(1, static_cast<char>(id));
    return show_control ? std::string(Spelling(id)) : "";
  }
  std::string Decode(std::span<const TokenId> ids, bool show_control) const override {
    std::string text;
    for (TokenId id : ids) text += TokenBytes(id, show_control);
    return text;
  }
  size_t size() const override { return kFakeVocab; }
  TokenKind Kind(TokenId id) const override {
    return id < 256 ? TokenKind::kNormal : TokenKind::kControl;
  }
  std::optional<TokenId> Find(std::string_view spelling) const override {
    for (TokenId id = kFakeBegin; id <= kFakeEos; ++id)
      if (Spelling(id) == spelling) return id;
    return std::nullopt;
  }
  std::string_view Spelling(TokenId id) const override {
    static constexpr std::string_view kControl[] = {"<s>", "<|im_start|>", "<|im_end|>", "</s>"};
    return id < 256 ? "" : kControl[id - 256];
  }
};

// ChatML.
class FakeTemplate final : public ChatTemplate {
 public:
  Result<std::vector<TextSpan>> Render(const json::array& messages, const json::array&,
                                       const RenderOptions& options) const override {
    std::vector<TextSpan> spans;
    for (const json::value& message : messages) {
      spans.push_back({"<|im_start|>", true});
      spans.push_back({std::string(message.at("content").as_string()), false});
      spans.push_back({"<|im_end|>\n", true});
    }
    if (options.add_generation_prompt) spans.push_back({"<|im_start|>assistant\n", true});
    return spans;
  }
  std::string_view source() const override { return "(ChatML, in C++)"; }
  bool Uses(std::string_view) const override { return false; }
};

struct FakeModelOptions {
  uint32_t page_tokens = 4, pages = 1000, context_max = 1000;
  // With a script, the token after a history of n tokens is script[n - script_at]; then the end.
  std::vector<TokenId> script;
  uint32_t script_at = 0;
  bool reuses = false;  // Sequences take over full pages of ended ones.
  uint32_t threads = 1;
  double end_share = 0.03;              // How often an end token is the likeliest.
  std::function<Status()> before_step;  // A failure of the model, or a pause.
};

class FakeModel final : public Model {
 public:
  struct State final : Sequence {
    explicit State(FakeModel* m) : model(m) { ++model->live; }
    ~State() override {
      model->used_pages -= pages;
      if (shares) model->known.push_back({scope, history});
      --model->live;
    }
    uint32_t length() const override { return static_cast<uint32_t>(history.size()); }
    FakeModel* model;
    uint32_t pages = 0;
    std::vector<TokenId> history;
    bool shares = false;
    std::string scope;
  };

  explicit FakeModel(FakeModelOptions options)
      : options_(std::move(options)), team_(options_.threads) {
    info_.vocab = kFakeVocab;
    info_.context_max = options_.context_max;
    info_.cache_page_tokens = options_.page_tokens;
    info_.cache_tokens = uint64_t{options_.page_tokens} * options_.pages;
    info_.threads = options_.threads;
  }
  const ModelInfo& info() const override { return info_; }
  ThreadTeam* team() override { return &team_; }
  std::unique_ptr<Sequence> NewSequence() override {
    ++sequences_made;
    return std::make_unique<State>(this);
  }
  Status Reserve(Sequence& sequence, uint32_t total_tokens) override {
    auto& state = static_cast<State&>(sequence);
    uint32_t wanted = (total_tokens + options_.page_tokens - 1) / options_.page_tokens;
    if (wanted <= state.pages) return {};
    if (used_pages + wanted - state.pages > options_.pages)
      return Fail(ErrorCode::kOutOfMemory, "no page left");
    used_pages += wanted - state.pages;
    state.pages = wanted;
    return {};
  }
  uint32_t Reuse(Sequence& sequence, std::string_view scope,
                 std::span<const TokenId> tokens) override {
    if (!options_.reuses) return 0;
    auto& state = static_cast<State&>(sequence);
    state.shares = true;
    state.scope = scope;
    size_t best = 0;
    for (const auto& [other, history] : known) {
      const auto same = std::ranges::mismatch(history, tokens.first(tokens.size() - 1)).in1;
      if (other == scope) best = std::max(best, static_cast<size_t>(same - history.begin()));
    }
    best -= best % options_.page_tokens;
    state.history.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(best));
    return state.length();
  }
  uint64_t free_cache_tokens() const override {
    return uint64_t{options_.pages - used_pages} * options_.page_tokens;
  }
  Status Step(std::span<const Segment> segments, std::span<float> logits) override {
    ++steps;
    if (options_.before_step) INGLE_RETURN_IF_ERROR(options_.before_step());
    size_t row = 0;
    for (const Segment& segment : segments) {
      auto& state = static_cast<State&>(*segment.sequence);
      state.history.insert(state.history.end(), segment.tokens.begin(), segment.tokens.end());
      if (state.length() > state.pages * options_.page_tokens)
        return Fail(ErrorCode::kInternal, "ran over the reserved pages");
      tokens_run += segment.tokens.size();
      if (!segment.no_logits) Logits(state.history, logits.subspan(kFakeVocab * row++, kFakeVocab));
    }
    if (row * kFakeVocab != logits.size()) return Fail(ErrorCode::kInternal, "wrong rows");
    return {};
  }

  uint64_t progress() const override { return worked; }

  // What follows `history`.
  void Logits(const std::vector<TokenId>& history, std::span<float> logits) const {
    uint64_t hash = 1469598103934665603u;  // FNV-1a.
    for (TokenId token : history) hash = (hash ^ static_cast<uint64_t>(token)) * 1099511628211u;
    for (uint32_t i = 0; i < kFakeVocab; ++i)
      logits[i] = static_cast<float>(8 * UniformDraw(hash, i, DrawPurpose::kTest) - 4);
    if (!options_.script.empty()) {
      size_t at = history.size() - options_.script_at;
      TokenId next = at < options_.script.size() ? options_.script[at] : kFakeEnd;
      logits[static_cast<size_t>(next)] = 50;
    } else if (UniformDraw(hash, 1, DrawPurpose::kXtc) < options_.end_share) {
      logits[kFakeEnd] = 12;
    }
  }

  std::atomic<uint64_t> worked = 0;  // For tests to raise within a step.
  std::atomic<uint64_t> steps = 0, tokens_run = 0, sequences_made = 0;
  std::atomic<int> live = 0;
  std::atomic<uint32_t> used_pages = 0;
  std::vector<std::pair<std::string, std::vector<TokenId>>> known;  // Of ended sequences.

 private:
  FakeModelOptions options_;
  ModelInfo info_;
  ThreadTeam team_;
};

}  // namespace ingle
