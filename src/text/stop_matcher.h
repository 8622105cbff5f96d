#pragma once
// Finds stop strings that may span pieces of text, and holds back only what could still become one.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingle {

// The stop string that is complete first ends the text (of several at once the longest), however
// the text was cut into pieces. Each byte costs a constant amortised time per stop string.
class StopMatcher {
 public:
  // Empty strings never match.
  explicit StopMatcher(std::vector<std::string> stops);

  struct Output {
    std::string text;  // May be shown: contains no stop string and no possible beginning of one.
    std::optional<size_t>
        matched;  // Index of the stop string that was reached; text ends before it.
  };
  // After a match, the match again and no more text.
  Output Push(std::string_view text);
  std::string Finish();  // Releases what was held back; nothing after a match.

 private:
  // Knuth-Morris-Pratt, one byte at a time.
  struct Stop {
    std::string text;
    std::vector<uint32_t>
        fallback;          // [i]: longest proper prefix of text[0, i] that is also its suffix.
    uint32_t matched = 0;  // Bytes at the end of the stream that begin this string.
    bool Advance(char c);  // True when complete.
  };
  std::vector<Stop> stops_;
  std::string held_;
  std::optional<size_t> reached_;
};

}  // namespace ingle
