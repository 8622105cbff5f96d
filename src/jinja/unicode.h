#pragma once
// The Unicode facts behind Python's str methods.

#include <cstdint>
#include <string>
#include <string_view>

namespace ingle::jinja {

// The code point at `offset` of valid UTF-8, and its length in bytes.
struct CodePoint {
  int32_t value = 0;
  size_t length = 1;
};
CodePoint Decode(std::string_view text, size_t offset);
void AppendUtf8(std::string& out, int32_t code_point);
bool ValidUtf8(std::string_view text);
size_t CountCodePoints(std::string_view text);
inline bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

bool IsSpace(int32_t code_point);  // str.isspace
bool IsAlpha(int32_t code_point);
bool IsDecimal(int32_t code_point);
bool IsDigit(int32_t code_point);
bool IsNumeric(int32_t code_point);
bool IsLower(int32_t code_point);
bool IsUpper(int32_t code_point);
bool IsTitle(int32_t code_point);
bool IsPrintable(int32_t code_point);
bool IsWordCharacter(int32_t code_point);  // \w
bool IsCased(int32_t code_point);

enum class Case : uint8_t { kLower, kUpper, kTitle, kFold };
// Full mapping of one code point (ß gives SS). A final sigma is the caller's.
void AppendCased(std::string& out, int32_t code_point, Case to);

// find() in linear time, whatever the texts.
size_t FindBytes(std::string_view text, std::string_view wanted, size_t from);

std::string_view StripSpace(std::string_view text);

}  // namespace ingle::jinja
