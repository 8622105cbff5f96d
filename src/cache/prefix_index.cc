#include "cache/prefix_index.h"

#include <algorithm>
#include <random>
#include <utility>

namespace ingle {
namespace {

// Of splitmix64 (Steele, Lea and Flood 2014): every bit of the input moves every bit of the output.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// Keyed, so that nobody can choose prompts that fall together. The key decides no answer.
PrefixIndex::Hash KeyedHash() {
  std::random_device device;
  const uint64_t key = (uint64_t{device()} << 32) | device();
  return [key](PrefixIndex::Node parent, std::string_view scope, std::span<const int32_t> tokens) {
    uint64_t hash = Mix(key ^ parent);
    for (const char c : scope) hash = Mix(hash ^ key ^ static_cast<unsigned char>(c));
    for (const int32_t token : tokens) hash = Mix((hash ^ key) + static_cast<uint32_t>(token));
    return hash;
  };
}

}  // namespace

PrefixIndex::PrefixIndex(PagePool* pool, uint32_t page_tokens, Hash hash)
    : pool_(pool), page_tokens_(page_tokens), hash_(hash ? std::move(hash) : KeyedHash()) {}

PrefixIndex::Node PrefixIndex::Lookup(Node parent, std::string_view scope,
                                      std::span<const int32_t> tokens, uint64_t hash) const {
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto at = begin; at != end; ++at) {
    const Entry& entry = entries_[at->second];
    if (entry.parent == parent && entry.scope == scope && std::ranges::equal(entry.tokens, tokens))
      return at->second;
  }
  return kRoot;
}

PrefixIndex::Node PrefixIndex::Find(std::string_view scope, std::span<const int32_t> tokens,
                                    std::vector<uint32_t>* pages) {
  Node last = kRoot;
  for (; tokens.size() >= page_tokens_; tokens = tokens.subspan(page_tokens_), scope = {}) {
    const auto page = tokens.first(page_tokens_);
    const Node node = Lookup(last, scope, page, hash_(last, scope, page));
    if (node == kRoot) break;
    pool_->Share(entries_[node].page);
    pages->push_back(entries_[node].page);
    last = node;
  }
  Touch(last);
  return last;
}

PrefixIndex::Node PrefixIndex::Add(Node parent, std::string_view scope,
                                   std::span<const int32_t> tokens, uint32_t* page) {
  if (parent != kRoot) scope = {};
  const uint64_t hash = hash_(parent, scope, tokens);
  const Node known = Lookup(parent, scope, tokens, hash);
  if (known != kRoot) {
    pool_->Share(entries_[known].page);
    pool_->Return(std::exchange(*page, entries_[known].page));
    return known;
  }
  if (free_entries_.empty()) {
    free_entries_.push_back(static_cast<Node>(entries_.size()));
    entries_.emplace_back();
  }
  const Node node = free_entries_.back();
  free_entries_.pop_back();
  pool_->Keep(*page);
  recent_.push_back(node);
  entries_[node] = {parent,
                    *page,
                    0,
                    hash,
                    std::string(scope),
                    {tokens.begin(), tokens.end()},
                    std::prev(recent_.end())};
  if (parent != kRoot) ++entries_[parent].children;
  by_hash_.emplace(hash, node);
  return node;
}

void PrefixIndex::Touch(Node node) {
  for (; node != kRoot; node = entries_[node].parent)
    recent_.splice(recent_.begin(), recent_, entries_[node].place);
}

void PrefixIndex::Forget(Node node) {
  Entry& entry = entries_[node];
  pool_->LetGo(entry.page);
  if (entry.parent != kRoot) --entries_[entry.parent].children;
  const auto [begin, end] = by_hash_.equal_range(entry.hash);
  by_hash_.erase(std::find_if(begin, end, [&](const auto& at) { return at.second == node; }));
  recent_.erase(entry.place);
  entry = {};
  free_entries_.push_back(node);
}

// Latest last: a parent stands before its children, so it comes up when they are gone.
void PrefixIndex::MakeRoom(uint32_t pages) {
  for (auto at = recent_.end(); at != recent_.begin() && pool_->unused_pages() < pages;) {
    const Node node = *--at;
    const Entry& entry = entries_[node];
    if (entry.children > 0 || !pool_->idle(entry.page)) continue;
    at = std::next(entry.place);
    Forget(node);
  }
}

}  // namespace ingle
