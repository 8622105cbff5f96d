#pragma once
// Finds the leftmost of many spellings in a text, the longest of those that begin there.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingle {

class SpellingMatcher {
 public:
  SpellingMatcher() = default;
  // (spelling, value); empty ones never match, of equal ones the least value counts.
  explicit SpellingMatcher(std::vector<std::pair<std::string, uint32_t>> entries);

  struct Match {
    size_t begin, end;
    uint32_t value;
  };
  std::optional<Match> Find(std::string_view text, size_t from) const;
  bool empty() const { return entries_.empty(); }

 private:
  std::optional<Match> MatchAt(std::string_view text, size_t position) const;

  std::vector<std::pair<std::string, uint32_t>> entries_;  // By spelling.
  std::pair<size_t, size_t> starting_with_[256] = {};      // Which entries begin with a byte.
};

}  // namespace ingle
