#include "base/utf8.h"

#include <algorithm>

namespace ingle {
namespace {

// What may follow a first byte, from Table 3-7 of the Unicode Standard. The third and fourth bytes
// are always 80 to BF.
struct Form {
  unsigned char first_low, first_high;
  unsigned char second_low, second_high;
  size_t bytes;
};

constexpr Form kForms[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

struct Sequence {
  size_t bytes;  // At least 1.
  bool valid;
};

// The character, or the longest beginning of one, at the front of `text`, which is not empty.
Sequence First(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {1, true};
  for (const Form& form : kForms) {
    if (byte(0) < form.first_low || byte(0) > form.first_high) continue;
    const size_t end = std::min(form.bytes, text.size());
    size_t at = 1;
    if (at < end && byte(at) >= form.second_low && byte(at) <= form.second_high)
      for (++at; at < end && (byte(at) & 0xC0) == 0x80;) ++at;
    return {at, at == form.bytes};
  }
  return {1, false};
}

}  // namespace

size_t ValidUtf8Prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Sequence next = First(text.substr(at));
    if (!next.valid) break;
    at += next.bytes;
  }
  return at;
}

std::string ValidUtf8(std::string_view text) {
  std::string out;
  while (true) {
    const size_t valid = ValidUtf8Prefix(text);
    out += text.substr(0, valid);
    text.remove_prefix(valid);
    if (text.empty()) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(First(text).bytes);
  }
}

}  // namespace ingle
