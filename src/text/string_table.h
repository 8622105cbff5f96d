#pragma once
// Many strings in one block of memory, numbered from 0 and found by content.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingle {

class StringTable {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  void Reserve(size_t count, size_t bytes);
  // The caller keeps the sum of the sizes and the count below 2^32 - 1.
  void Add(std::string_view text);

  // Makes string `number` findable. Where an equal one is findable already, that one stays and its
  // number is returned.
  uint32_t Index(uint32_t number);
  uint32_t Find(std::string_view text) const { return Find(text, Hash(text)); }

  // For many lookups in a row: hash some, prefetch them, then find them.
  static uint32_t Hash(std::string_view text);
  void Prefetch(uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
  }
  uint32_t Find(std::string_view text, uint32_t hash) const;

  std::string_view operator[](size_t number) const {
    return std::string_view(bytes_).substr(ends_[number], ends_[number + 1] - ends_[number]);
  }
  size_t size() const { return ends_.size() - 1; }

 private:
  struct Slot {
    uint32_t number = 0;  // Plus 1; 0: free.
    uint32_t hash = 0;
  };
  size_t Place(std::string_view text, uint32_t hash) const;
  void Grow();

  std::string bytes_;
  std::vector<uint32_t> ends_{0};  // String i lies from ends_[i] to ends_[i + 1].
  std::vector<Slot> slots_;        // Open addressing; the size is a power of two.
  size_t indexed_ = 0;
};

}  // namespace ingle
