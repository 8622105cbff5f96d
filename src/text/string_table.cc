#include "text/string_table.h"

#include <cstring>
#include <random>
#include <utility>

namespace ingle {
namespace {

// Another one in every process, so that no file can be made in which all spellings collide.
const uint64_t kSeed = uint64_t{std::random_device{}()} << 32 | std::random_device{}();

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t Load(const char* at, size_t bytes) {
  uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

}  // namespace

// Eight bytes at a time, each mixed by a wide product.
uint32_t StringTable::Hash(std::string_view text) {
  uint64_t state = kSeed ^ text.size() * 0x9E3779B97F4A7C15u;
  const char* at = text.data();
  size_t left = text.size();
  for (; left > 8; at += 8, left -= 8) state = Mix(state ^ Load(at, 8), 0xD6E8FEB86659FD93u);
  state = Mix(state ^ Load(at, left), 0xA0761D6478BD642Fu);
  return static_cast<uint32_t>(state ^ state >> 32);
}

void StringTable::Reserve(size_t count, size_t bytes) {
  bytes_.reserve(bytes);
  ends_.reserve(count + 1);
  size_t slots = 1024;
  while (slots * 7 < count * 10) slots *= 2;
  if (slots_.empty()) slots_.assign(slots, {});
}

void StringTable::Add(std::string_view text) {
  bytes_.append(text);
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
}

size_t StringTable::Place(std::string_view text, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].number != 0 &&
         (slots_[slot].hash != hash || (*this)[slots_[slot].number - 1] != text))
    slot = (slot + 1) & mask;
  return slot;
}

void StringTable::Grow() {
  const std::vector<Slot> old = std::exchange(slots_, {});
  slots_.assign(old.empty() ? 1024 : old.size() * 2, {});
  const size_t mask = slots_.size() - 1;
  for (const Slot& entry : old) {
    if (entry.number == 0) continue;
    size_t slot = entry.hash & mask;
    while (slots_[slot].number != 0) slot = (slot + 1) & mask;
    slots_[slot] = entry;
  }
}

uint32_t StringTable::Index(uint32_t number) {
  if (indexed_ * 10 >= slots_.size() * 7) Grow();
  const std::string_view text = (*this)[number];
  const uint32_t hash = Hash(text);
  Slot& entry = slots_[Place(text, hash)];
  if (entry.number == 0) {
    entry = {number + 1, hash};
    ++indexed_;
  }
  return entry.number - 1;
}

uint32_t StringTable::Find(std::string_view text, uint32_t hash) const {
  if (slots_.empty()) return kAbsent;
  const Slot& entry = slots_[Place(text, hash)];
  return entry.number == 0 ? kAbsent : entry.number - 1;
}

}  // namespace ingle
