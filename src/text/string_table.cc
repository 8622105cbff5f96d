#include "text/string_table.h"

#include <functional>
#include <utility>

namespace ingle {

void StringTable::Reserve(size_t count, size_t bytes) {
  bytes_.reserve(bytes);
  ends_.reserve(count + 1);
}

void StringTable::Add(std::string_view text) {
  bytes_.append(text);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
}

size_t StringTable::Slot(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>{}(text)&mask;
  while (slots_[slot] != 0 && (*this)[slots_[slot] - 1] != text) slot = (slot + 1) & mask;
  return slot;
}

void StringTable::Grow() {
  const std::vector<uint32_t> old = std::exchange(slots_, {});
  slots_.assign(old.empty() ? 1024 : old.size() * 2, 0);
  for (uint32_t entry : old) {
    if (entry != 0) slots_[Slot((*this)[entry - 1])] = entry;
  }
}

uint32_t StringTable::Index(uint32_t number) {
  if (indexed_ * 2 >= slots_.size()) Grow();
  uint32_t& entry = slots_[Slot((*this)[number])];
  if (entry == 0) {
    entry = number + 1;
    ++indexed_;
  }
  return entry - 1;
}

uint32_t StringTable::Find(std::string_view text) const {
  if (slots_.empty()) return kAbsent;
  const uint32_t entry = slots_[Slot(text)];
  return entry == 0 ? kAbsent : entry - 1;
}

}  // namespace ingle
