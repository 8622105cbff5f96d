#pragma once
// What a decoder keeps of one sequence: its pages, and the tokens that must be remembered.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cache/kv_cache.h"
#include "cache/prefix_index.h"
#include "model/model.h"

namespace ingle {

// Shared by a decoder and its sequences, whichever goes last.
struct DecoderCache {
  explicit DecoderCache(KvCache memory) : kv(std::move(memory)) {}

  KvCache kv;
  PrefixIndex prefixes{&kv.pool(), kPageTokens};
};

class DecoderSequence : public Sequence {
 public:
  // remembers_all: every token may have to run again (see Decoder::RunAgainFar). Such a sequence
  // writes into its full pages, so it shares none.
  DecoderSequence(std::shared_ptr<DecoderCache> cache, bool remembers_all);
  ~DecoderSequence() override;

  uint32_t length() const override { return tokens_; }
  const std::vector<uint32_t>& pages() const { return pages_; }
  const std::vector<int32_t>& history() const { return history_; }  // Whole only if it remembers.

  // Pages for so many tokens; false: there are not enough, and nothing has changed.
  [[nodiscard]] bool Reserve(uint32_t total_tokens);
  void ReturnPages(size_t keep) { cache_->kv.pool().Return(pages_, keep); }
  // See Model::Reuse.
  uint32_t Reuse(std::string_view scope, std::span<const int32_t> tokens);
  // These tokens are in the cache now.
  void Append(std::span<const int32_t> tokens);

 private:
  void FileFullPages();

  std::shared_ptr<DecoderCache> cache_;
  bool remembers_all_, shares_ = false;
  uint32_t tokens_ = 0;
  std::vector<uint32_t> pages_;
  std::vector<int32_t> history_;  // All tokens, or those of pages that the index does not have.
  std::string scope_;
  PrefixIndex::Node filed_ = PrefixIndex::kRoot;  // The last page that the index has.
};

}  // namespace ingle
