#pragma once
// The escapes of regular expressions that stand for characters: \n, \x{4E00}, \p{Lu}, [:alpha:].

#include <cstdint>
#include <optional>
#include <string_view>

#include "text/code_point_set.h"

namespace ingle {

// \d \w \s \h and their opposites. False when the letter is none of them.
bool AddShorthand(char letter, CodePointSet& set);

// "Lu", "L", "Han", "Alpha": what \p{...} and [:...:] name. False when it is not known.
bool AddNamedClass(std::string_view name, CodePointSet& set);

// The character of \n, \t and so on; nullopt for other letters.
std::optional<uint32_t> ControlEscape(char letter);

// Up to `most` hexadecimal digits off the front; nullopt when there is none.
std::optional<uint32_t> TakeHex(std::string_view& text, size_t most);

}  // namespace ingle
