#include "text/added_tokens.h"

#include <algorithm>

namespace ingle {

AddedTokens::AddedTokens(const Vocabulary& vocabulary) {
  for (size_t id = 0; id < vocabulary.size(); ++id) {
    const TokenKind kind = vocabulary.kinds[id];
    const bool needs_trust = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    const std::string_view spelling = vocabulary.spellings[id];
    if (!(needs_trust || kind == TokenKind::kUserDefined) || spelling.empty()) continue;
    if (vocabulary.spellings.Find(spelling) != id) continue;  // A repetition.
    entries_.push_back({spelling, static_cast<TokenId>(id), needs_trust});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.spelling < b.spelling; });
  size_t entry = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    starting_with_[byte].first = entry;
    while (entry < entries_.size() && static_cast<uint8_t>(entries_[entry].spelling[0]) == byte)
      ++entry;
    starting_with_[byte].second = entry;
  }
}

// Narrows the sorted entries byte by byte, so the work is bounded by the longest spelling that
// fits.
std::optional<AddedTokens::Match> AddedTokens::MatchAt(std::string_view text, size_t position,
                                                       size_t trusted_end) const {
  auto [low, high] = starting_with_[static_cast<uint8_t>(text[position])];
  std::optional<Match> best;
  for (size_t length = 1; low < high; ++length) {
    const Entry& shortest = entries_[low];  // All share `length` bytes with the text.
    if (shortest.spelling.size() == length) {
      if (!shortest.needs_trust || position + length <= trusted_end)
        best = Match{position, length, shortest.id};
      ++low;
    }
    if (position + length == text.size()) break;
    const auto wanted = static_cast<uint8_t>(text[position + length]);
    const auto byte = [&](const Entry& entry) {
      return static_cast<uint8_t>(entry.spelling[length]);
    };
    const auto begin = entries_.begin() + static_cast<ptrdiff_t>(low);
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(high);
    const auto first =
        std::partition_point(begin, end, [&](const Entry& e) { return byte(e) < wanted; });
    const auto last =
        std::partition_point(first, end, [&](const Entry& e) { return byte(e) <= wanted; });
    low = static_cast<size_t>(first - entries_.begin());
    high = static_cast<size_t>(last - entries_.begin());
  }
  return best;
}

std::optional<AddedTokens::Match> AddedTokens::Find(std::string_view text, size_t from,
                                                    const Ranges& trusted) const {
  if (entries_.empty()) return std::nullopt;
  auto range = std::partition_point(trusted.begin(), trusted.end(),
                                    [&](const auto& r) { return r.second <= from; });
  for (size_t position = from; position < text.size(); ++position) {
    const auto& candidates = starting_with_[static_cast<uint8_t>(text[position])];
    if (candidates.first == candidates.second) continue;
    while (range != trusted.end() && range->second <= position) ++range;
    const size_t trusted_end =
        range != trusted.end() && range->first <= position ? range->second : 0;
    if (std::optional<Match> match = MatchAt(text, position, trusted_end)) return match;
  }
  return std::nullopt;
}

}  // namespace ingle
