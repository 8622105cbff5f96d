#include "files/printable.h"

#include <cstdint>

namespace ingle {
namespace {

constexpr size_t kShownBytesMax = 80;

uint8_t ByteAt(std::string_view text, size_t at) { return static_cast<uint8_t>(text[at]); }

// Length of the valid sequence at `at`; 0 when there is none.
size_t SequenceLength(std::string_view text, size_t at) {
  const uint8_t lead = ByteAt(text, at);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + length > text.size()) return 0;
  // Overlong forms, surrogates and numbers past U+10FFFF show in the second byte.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (ByteAt(text, at + 1) < low || ByteAt(text, at + 1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((ByteAt(text, at + i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool IsControl(std::string_view sequence) {
  const uint8_t lead = ByteAt(sequence, 0);
  if (lead < 0x20 || lead == 0x7f) return true;
  return lead == 0xc2 && ByteAt(sequence, 1) < 0xa0;
}

}  // namespace

std::optional<size_t> FindInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

bool IsPlainName(std::string_view name) {
  for (size_t at = 0; at < name.size();) {
    const size_t length = SequenceLength(name, at);
    if (length == 0 || IsControl(name.substr(at, length))) return false;
    at += length;
  }
  return true;
}

std::string Printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    if (at >= kShownBytesMax) return shown + "... (" + std::to_string(text.size()) + " bytes)";
    const size_t length = SequenceLength(text, at);
    if (length != 0 && !IsControl(text.substr(at, length))) {
      shown += text.substr(at, length);
      at += length;
      continue;
    }
    shown += "\\x";
    shown += kHex[ByteAt(text, at) >> 4];
    shown += kHex[ByteAt(text, at) & 15];
    ++at;
  }
  return shown;
}

}  // namespace ingle
