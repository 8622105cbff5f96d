#pragma once
// The merge loop that byte-level BPE and SentencePiece BPE share: over and over, join the adjacent
// pair with the lowest priority, the leftmost among equals. O(n log n) with a heap; short words
// take a quicker way to the same result.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "text/tokenizer.h"

namespace ingle {

inline constexpr TokenId kNoToken = -1;

struct Symbol {
  TokenId id;  // kNoToken: a character that is not in the vocabulary.
  uint32_t begin;
  uint32_t length;  // In bytes; 0 once it was joined to its left neighbour.
  uint32_t previous;
  uint32_t next;
};

inline constexpr uint32_t kNoSymbol = std::numeric_limits<uint32_t>::max();

// What joining a pair gives. Lower priority first; kNever: the pair does not join.
struct Merge {
  static constexpr uint32_t kNever = std::numeric_limits<uint32_t>::max();
  uint32_t priority = kNever;
  TokenId id = kNoToken;
};

// Keeps its memory between words. One per call of Encode.
class Merger {
 public:
  std::vector<Symbol> symbols;

  void Add(TokenId id, size_t begin, size_t length) {
    const auto index = static_cast<uint32_t>(symbols.size());
    symbols.push_back(
        {id, static_cast<uint32_t>(begin), static_cast<uint32_t>(length), index - 1, index + 1});
  }

  // find(left, right) -> Merge. Afterwards the symbols with a length are the result, in order.
  template <class Find>
  void Run(Find find) {
    if (symbols.empty()) return;
    symbols.front().previous = kNoSymbol;
    symbols.back().next = kNoSymbol;
    if (symbols.size() <= kShortWord) {
      RunShort(find);
    } else {
      RunLong(find);
    }
  }

 private:
  static constexpr size_t kShortWord = 24;

  struct Candidate {
    uint64_t key;     // Priority, then position of the left symbol.
    uint32_t length;  // Of both together. It only grows, so an equal one means that neither changed
                      // since.
    TokenId id;
    bool operator<(const Candidate& other) const {
      return key > other.key;
    }  // std heaps keep the largest on top.
  };

  void Join(Symbol& left, TokenId id) {
    Symbol& right = symbols[left.next];
    left.id = id;
    left.length += right.length;
    right.length = 0;
    left.next = right.next;
    if (right.next != kNoSymbol)
      symbols[right.next].previous = static_cast<uint32_t>(&left - symbols.data());
  }

  template <class Find>
  void RunShort(Find& find) {
    short_.resize(symbols.size());
    const auto update = [&](uint32_t i) {
      const uint32_t next = symbols[i].next;
      short_[i] = next == kNoSymbol ? Merge{} : find(symbols[i], symbols[next]);
    };
    for (uint32_t i = 0; i < symbols.size(); ++i) update(i);
    while (true) {
      const auto best =
          std::min_element(short_.begin(), short_.end(),
                           [](const Merge& a, const Merge& b) { return a.priority < b.priority; });
      if (best->priority == Merge::kNever) return;
      const auto left = static_cast<uint32_t>(best - short_.begin());
      short_[symbols[left].next].priority = Merge::kNever;
      Join(symbols[left], best->id);
      update(left);
      if (symbols[left].previous != kNoSymbol) update(symbols[left].previous);
    }
  }

  template <class Find>
  void RunLong(Find& find) {
    heap_.clear();
    const auto consider = [&](uint32_t left) {
      const uint32_t right = symbols[left].next;
      if (right == kNoSymbol) return false;
      const Merge merge = find(symbols[left], symbols[right]);
      if (merge.priority == Merge::kNever) return false;
      heap_.push_back({uint64_t{merge.priority} << 32 | left,
                       symbols[left].length + symbols[right].length, merge.id});
      return true;
    };
    for (uint32_t i = 0; i + 1 < symbols.size(); ++i) consider(i);
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate best = heap_.back();
      heap_.pop_back();
      Symbol& left = symbols[best.key & 0xFFFFFFFF];
      if (left.length == 0 || left.next == kNoSymbol) continue;
      if (left.length + symbols[left.next].length != best.length) continue;
      Join(left, best.id);
      if (consider(static_cast<uint32_t>(best.key & 0xFFFFFFFF)))
        std::push_heap(heap_.begin(), heap_.end());
      if (left.previous != kNoSymbol && consider(left.previous))
        std::push_heap(heap_.begin(), heap_.end());
    }
  }

  std::vector<Merge> short_;
  std::vector<Candidate> heap_;
};

}  // namespace ingle
