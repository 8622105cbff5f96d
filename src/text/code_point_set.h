#pragma once
// A set of code points, built by union, intersection and complement, then asked quickly.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace ingle {

class CodePointSet {
 public:
  void Add(uint32_t first, uint32_t last);
  void Add(const CodePointSet& other);
  // Every code point whose CharProperties satisfy (properties & mask) != 0.
  void AddProperty(uint32_t mask);
  void AddCategories(uint32_t category_mask);
  void AddScript(uint32_t script);
  void Intersect(const CodePointSet& other);
  void Complement();
  // Adds what is the same letter in another case.
  void AddOtherCases();

  // Call once, when the set is complete and before Has.
  void Freeze();
  bool Has(uint32_t code_point) const {
    if (code_point < 0x80) return (ascii_[code_point >> 6] >> (code_point & 63) & 1) != 0;
    if (code_point > 0x10FFFF) return false;
    const uint16_t block = block_of_[code_point >> 8];
    return (blocks_[block][code_point >> 6 & 3] >> (code_point & 63) & 1) != 0;
  }
  const std::vector<std::pair<uint32_t, uint32_t>>& ranges() const { return ranges_; }

 private:
  template <class Wanted>
  void AddWhere(Wanted wanted);
  void Tidy();

  std::vector<std::pair<uint32_t, uint32_t>> ranges_;  // Closed, ascending, apart.
  std::array<uint64_t, 2> ascii_{};
  std::vector<uint16_t> block_of_;
  std::vector<std::array<uint64_t, 4>> blocks_;
};

}  // namespace ingle
