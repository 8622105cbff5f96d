#pragma once
// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.

#include <cstddef>
#include <string>
#include <string_view>

namespace ingle {

// Bytes at the front of `text` that are valid UTF-8.
size_t ValidUtf8Prefix(std::string_view text);
inline bool IsValidUtf8(std::string_view text) { return ValidUtf8Prefix(text) == text.size(); }

// `text` with each invalid sequence replaced by U+FFFD: one for the longest beginning of a
// character, or else one for a byte (the practice that Unicode recommends). A text cut inside a
// character thus ends in one U+FFFD.
std::string ValidUtf8(std::string_view text);

}  // namespace ingle
