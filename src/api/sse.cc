#include "api/sse.h"

#include <algorithm>

#include "base/utf8.h"

namespace ingle {

std::string JsonText(const json::value& value) {
  std::string text = json::serialize(value);
  // JSON is UTF-8; messages may quote a text cut inside a character. The structure is ASCII, so
  // only what is inside strings changes.
  if (!IsValidUtf8(text)) text = ValidUtf8(text);
  // These bytes occur only inside strings, where an escape may replace them.
  static constexpr std::pair<std::string_view, std::string_view> kEscapes[] = {
      {"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}};
  for (const auto& [bytes, escape] : kEscapes) {
    for (size_t at = text.find(bytes); at != std::string::npos;
         at = text.find(bytes, at + escape.size()))
      text.replace(at, bytes.size(), escape);
  }
  return text;
}

std::string SseData(const json::value& value) { return "data: " + JsonText(value) + "\n\n"; }

std::string SseProgress(uint32_t done, uint32_t total) {
  return ": prompt " + std::to_string(done) + " of " + std::to_string(total) + " tokens\n\n";
}

std::vector<std::string_view> SplitText(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    size_t size = std::min(text.size(), kTextPerEventBytes);
    while (size < text.size() && size > 1 &&
           (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
      --size;
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

}  // namespace ingle
