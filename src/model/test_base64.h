#pragma once
// Floats as goldens hold them.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ingle {

inline std::vector<float> FloatsOfBase64(std::string_view base64) {
  const auto digit = [](char c) -> uint32_t {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return static_cast<uint32_t>(kDigits.find(c));
  };
  std::string bytes;
  uint32_t held = 0, bits = 0;
  for (const char c : base64) {
    if (c == '=') break;
    held = held << 6 | digit(c);
    if ((bits += 6) >= 8) bytes += static_cast<char>(held >> (bits -= 8) & 255);
  }
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

}  // namespace ingle
