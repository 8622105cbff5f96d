#pragma once
// Finds the tokens that are matched in raw text before anything else: control tokens (in trusted
// runs only) and user-defined ones.

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "text/vocabulary.h"

namespace ingle {

class AddedTokens {
 public:
  // The spellings stay in the vocabulary, which must outlive this.
  explicit AddedTokens(const Vocabulary& vocabulary);

  struct Match {
    size_t begin;
    size_t length;
    TokenId id;
  };
  // The leftmost match at or after `from`, the longest of those that begin there. Half-open ranges,
  // ascending and disjoint, say where control tokens count; one that reaches out of its range does
  // not.
  using Ranges = std::vector<std::pair<size_t, size_t>>;
  std::optional<Match> Find(std::string_view text, size_t from, const Ranges& trusted) const;

 private:
  struct Entry {
    std::string_view spelling;
    TokenId id;
    bool needs_trust;
  };
  std::optional<Match> MatchAt(std::string_view text, size_t position, size_t trusted_end) const;

  std::vector<Entry> entries_;                    // By spelling.
  std::pair<size_t, size_t> starting_with_[256];  // Which entries begin with a byte.
};

}  // namespace ingle
