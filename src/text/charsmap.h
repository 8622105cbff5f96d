#pragma once
// SentencePiece's precompiled normalisation: a map from strings to strings as a double array of
// Darts-clone, followed by the replacements.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ingle {

class Charsmap {
 public:
  // kCorruptFile when the sizes do not hold.
  static Result<Charsmap> Parse(std::string_view bytes);

  struct Match {
    size_t length;  // Bytes of the text.
    std::string_view replacement;
  };
  // The shortest and the longest entry that the text begins with.
  std::optional<Match> Shortest(std::string_view text) const { return Find(text, false); }
  std::optional<Match> Longest(std::string_view text) const { return Find(text, true); }

 private:
  std::optional<Match> Find(std::string_view text, bool longest) const;

  std::vector<uint32_t> units_;
  std::string replacements_;  // Each ends with a zero byte.
};

// Standard base64; nullopt when it is none.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace ingle
