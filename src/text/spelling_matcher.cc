#include "text/spelling_matcher.h"

#include <algorithm>

namespace ingle {

SpellingMatcher::SpellingMatcher(std::vector<std::pair<std::string, uint32_t>> entries)
    : entries_(std::move(entries)) {
  std::erase_if(entries_, [](const auto& entry) { return entry.first.empty(); });
  std::sort(entries_.begin(), entries_.end());
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  size_t entry = 0;
  for (size_t byte = 0; byte < 256; ++byte) {
    starting_with_[byte].first = entry;
    while (entry < entries_.size() && static_cast<uint8_t>(entries_[entry].first[0]) == byte)
      ++entry;
    starting_with_[byte].second = entry;
  }
}

// Narrows the sorted entries byte by byte, so the work is bounded by the longest spelling that
// fits.
std::optional<SpellingMatcher::Match> SpellingMatcher::MatchAt(std::string_view text,
                                                               size_t position) const {
  auto [low, high] = starting_with_[static_cast<uint8_t>(text[position])];
  std::optional<Match> best;
  for (size_t length = 1; low < high; ++length) {
    if (entries_[low].first.size() == length) {  // The shortest of those that share `length` bytes.
      best = Match{position, position + length, entries_[low].second};
      ++low;
    }
    if (position + length == text.size()) break;
    const auto wanted = static_cast<uint8_t>(text[position + length]);
    const auto byte = [&](const auto& entry) { return static_cast<uint8_t>(entry.first[length]); };
    const auto begin = entries_.begin() + static_cast<ptrdiff_t>(low);
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(high);
    const auto first =
        std::partition_point(begin, end, [&](const auto& e) { return byte(e) < wanted; });
    const auto last =
        std::partition_point(first, end, [&](const auto& e) { return byte(e) <= wanted; });
    low = static_cast<size_t>(first - entries_.begin());
    high = static_cast<size_t>(last - entries_.begin());
  }
  return best;
}

std::optional<SpellingMatcher::Match> SpellingMatcher::Find(std::string_view text,
                                                            size_t from) const {
  if (entries_.empty()) return std::nullopt;
  for (size_t position = from; position < text.size(); ++position) {
    const auto& candidates = starting_with_[static_cast<uint8_t>(text[position])];
    if (candidates.first == candidates.second) continue;
    if (std::optional<Match> match = MatchAt(text, position)) return match;
  }
  return std::nullopt;
}

}  // namespace ingle
