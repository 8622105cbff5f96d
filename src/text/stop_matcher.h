#pragma once
// Finds stop strings that may span pieces of text, and holds back only what could still become one.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingle {

class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);

  struct Output {
    std::string text;                 // May be shown: contains no stop string and no possible beginning of one.
    std::optional<size_t> matched;    // Index of the stop string that was reached; text ends before it.
  };
  Output Push(std::string_view text);
  std::string Finish();  // Releases what was held back.

 private:
  std::vector<std::string> stops_;
  std::string held_;
};

}  // namespace ingle
