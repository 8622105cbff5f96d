#pragma once
// Unicode's normal forms.

#include <cstdint>
#include <string>
#include <string_view>

namespace ingle {

enum class NormalForm : uint8_t { kNfc, kNfd, kNfkc, kNfkd };

// Writes the normal form of valid UTF-8 to `out` and returns true, or returns false where the text
// is in that form already. Linear but for the sorting of runs of combining marks.
bool ToNormalForm(NormalForm form, std::string_view text, std::string& out);

}  // namespace ingle
