#include "text/charsmap.h"

#include <cstring>

namespace ingle {

Result<Charsmap> Charsmap::Parse(std::string_view bytes) {
  uint32_t size = 0;
  if (bytes.size() >= sizeof size) std::memcpy(&size, bytes.data(), sizeof size);
  if (bytes.size() < sizeof size || size % 4 != 0 || size == 0 ||
      size > bytes.size() - sizeof size) {
    return Fail(ErrorCode::kCorruptFile,
                "the precompiled characters map of the tokenizer is cut short; download the "
                "model again",
                "precompiled_charsmap", "invalid_model_file");
  }
  Charsmap map;
  map.units_.resize(size / 4);
  std::memcpy(map.units_.data(), bytes.data() + sizeof size, size);
  map.replacements_ = bytes.substr(sizeof size + size);
  map.replacements_ += '\0';  // Whatever offset an entry names, its string ends.
  return map;
}

// Darts-clone: bits 10 to 30 of a unit are the offset of its children (in steps of 256 when bit 9
// is set), bit 8 says that a value hangs there, bits 0 to 7 and 31 are the label.
std::optional<Charsmap::Match> Charsmap::Find(std::string_view text, bool longest) const {
  const auto offset = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  std::optional<Match> found;
  size_t node = offset(units_[0]);
  for (size_t i = 0; i < text.size() && text[i] != 0; ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    node ^= c;
    if (node >= units_.size()) break;
    const uint32_t unit = units_[node];
    if ((unit & (1u << 31 | 0xFF)) != c) break;
    node ^= offset(unit);
    if ((unit >> 8 & 1) == 0) continue;
    if (node >= units_.size()) break;
    const size_t value = units_[node] & ((1u << 31) - 1);
    if (value >= replacements_.size()) break;
    found = Match{i + 1, std::string_view(replacements_.data() + value)};
    if (!longest) break;
  }
  return found;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  const auto value = [](char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (value(c) < 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value(c));
    if ((count += 6) >= 8) {
      count -= 8;
      out += static_cast<char>(static_cast<uint8_t>(bits >> count));
      bits &= (1u << count) - 1;
    }
  }
  if (count >= 6) return std::nullopt;
  return out;
}

}  // namespace ingle
