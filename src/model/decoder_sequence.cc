#include "model/decoder_sequence.h"

#include <algorithm>

namespace ingle {

DecoderSequence::DecoderSequence(std::shared_ptr<DecoderCache> cache, bool remembers_all)
    : cache_(std::move(cache)), remembers_all_(remembers_all) {}

DecoderSequence::~DecoderSequence() {
  cache_->prefixes.Touch(filed_);
  ReturnPages(0);
}

bool DecoderSequence::Reserve(uint32_t total_tokens) {
  const uint32_t needed = (total_tokens + kPageTokens - 1) / kPageTokens;
  if (needed <= pages_.size()) return true;
  const uint32_t missing = needed - static_cast<uint32_t>(pages_.size());
  if (missing > cache_->kv.pool().free_pages()) return false;
  cache_->prefixes.MakeRoom(missing);
  return cache_->kv.pool().Take(missing, pages_);
}

uint32_t DecoderSequence::Reuse(std::string_view scope, std::span<const int32_t> tokens) {
  if (remembers_all_ || tokens_ > 0 || !pages_.empty() || tokens.empty()) return 0;
  shares_ = true;
  scope_ = scope;
  filed_ = cache_->prefixes.Find(scope_, tokens.first(tokens.size() - 1), &pages_);
  tokens_ = static_cast<uint32_t>(pages_.size()) * kPageTokens;
  return tokens_;
}

void DecoderSequence::Append(std::span<const int32_t> tokens) {
  tokens_ += static_cast<uint32_t>(tokens.size());
  if (remembers_all_ || shares_) history_.insert(history_.end(), tokens.begin(), tokens.end());
  if (shares_ && history_.size() >= kPageTokens) FileFullPages();
}

void DecoderSequence::FileFullPages() {
  size_t page = (tokens_ - history_.size()) / kPageTokens, done = 0;
  for (; history_.size() - done >= kPageTokens; done += kPageTokens, ++page)
    filed_ = cache_->prefixes.Add(filed_, scope_, std::span(history_).subspan(done, kPageTokens),
                                  &pages_[page]);
  history_.erase(history_.begin(), history_.begin() + static_cast<std::ptrdiff_t>(done));
}

}  // namespace ingle
