#pragma once
// Full pages by what they hold, so that a sequence that begins like an earlier one takes over its
// pages instead of computing them again. A page depends on its tokens and all before them, so pages
// form a tree: a node is a page under the node of the page before it. Tokens are compared, hashes
// only find the candidates. Trees of different scopes (whose data this is) never meet.
//
// The arithmetic contract makes a page's bytes the same whoever computed it, in a prompt or token
// by token: a hit changes no bit of an answer.
//
// Used by one thread.

#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/page_pool.h"

namespace ingle {

class PrefixIndex {
 public:
  using Node = uint32_t;
  static constexpr Node kRoot = UINT32_MAX;  // Before the first page.
  using Hash =
      std::function<uint64_t(Node parent, std::string_view scope, std::span<const int32_t> tokens)>;

  // page_tokens: of a full page. hash: keyed for this process when it is left out.
  PrefixIndex(PagePool* pool, uint32_t page_tokens, Hash hash = nullptr);

  // Appends the pages of the longest known prefix of `tokens` to `pages`, with one more user each.
  // Whole pages only. Returns the node of the last one.
  Node Find(std::string_view scope, std::span<const int32_t> tokens, std::vector<uint32_t>* pages);

  // `page`, which has a user, holds `tokens` (as many as fill it) behind `parent`, whose page the
  // same user holds. Where such a page is known, the user gets that one and `page` goes back.
  Node Add(Node parent, std::string_view scope, std::span<const int32_t> tokens, uint32_t* page);

  // The prefix that ends with `node` was of use now: it will be the last to be forgotten.
  void Touch(Node node);

  // Forgets idle pages, those unused for longest first and never one that another stands on, until
  // `pages` are unused or no idle one is left.
  void MakeRoom(uint32_t pages);

  uint32_t size() const { return static_cast<uint32_t>(recent_.size()); }

 private:
  struct Entry {
    Node parent = kRoot;
    uint32_t page = 0, children = 0;
    uint64_t hash = 0;
    std::string scope;            // Of a first page; those behind it are in its scope.
    std::vector<int32_t> tokens;  // Empty: the entry is free.
    std::list<Node>::iterator place;
  };

  Node Lookup(Node parent, std::string_view scope, std::span<const int32_t> tokens,
              uint64_t hash) const;
  void Forget(Node node);

  PagePool* pool_;
  uint32_t page_tokens_;
  Hash hash_;
  std::vector<Entry> entries_;
  std::vector<Node> free_entries_;
  std::unordered_multimap<uint64_t, Node> by_hash_;
  std::list<Node> recent_;  // Latest use first; a parent stands before its children.
};

}  // namespace ingle
