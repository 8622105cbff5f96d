#pragma once
// Which pairs of tokens join to which token, and how early.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "text/merge.h"
#include "text/tokenizer.h"

namespace ingle {

// Open addressing; a lookup is one or two cache lines.
class MergeTable {
 public:
  void Reserve(size_t count) {
    size_t size = 16;
    while (size * 5 < count * 8) size *= 2;
    slots_.assign(size, {});
  }
  // No more than were reserved. Of equal pairs the first stays (it has the better rank), or with
  // `replace` the last.
  void Add(TokenId left, TokenId right, Merge merge, bool replace = false) {
    Slot& slot = slots_[Position(Key(left, right))];
    if (replace || slot.merge.priority == Merge::kNever) slot = {Key(left, right), merge};
  }
  void Prefetch(TokenId left, TokenId right) const {
    __builtin_prefetch(&slots_[Home(Key(left, right))]);
  }
  Merge Find(TokenId left, TokenId right) const { return slots_[Position(Key(left, right))].merge; }

 private:
  struct Slot {
    uint64_t key = 0;
    Merge merge;  // kNever: the slot is free.
  };
  static uint64_t Key(TokenId left, TokenId right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t Home(uint64_t key) const {
    return static_cast<size_t>(key * 0x9E3779B97F4A7C15u >> 24) & (slots_.size() - 1);
  }
  size_t Position(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t position = Home(key);
    while (slots_[position].merge.priority != Merge::kNever && slots_[position].key != key) {
      position = (position + 1) & mask;
    }
    return position;
  }
  std::vector<Slot> slots_;
};

}  // namespace ingle
