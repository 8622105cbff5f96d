#include "jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "jinja/special_casing.h"

namespace ingle::jinja {

CodePoint Decode(std::string_view text, size_t offset) {
  auto byte = [&](size_t i) {
    return offset + i < text.size() ? static_cast<unsigned char>(text[offset + i]) & 0x3F : 0;
  };
  int first = static_cast<unsigned char>(text[offset]);
  if (first < 0xC0) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | byte(1), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | byte(1) << 6 | byte(2), 3};
  return {(first & 0x07) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3), 4};
}

void AppendUtf8(std::string& out, int32_t code_point) {
  utf8proc_uint8_t bytes[4];
  auto length = utf8proc_encode_char(code_point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
}

bool ValidUtf8(std::string_view text) {
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code_point = 0;
    utf8proc_ssize_t length = utf8proc_iterate(at, left, &code_point);
    if (length <= 0) return false;
    at += length;
    left -= length;
  }
  return true;
}

size_t CountCodePoints(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

bool IsSpace(int32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsAlpha(int32_t c) {
  auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsDecimal(int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_ND; }

bool IsDigit(int32_t c) {
  return IsDecimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) ||
         (c >= 0x2460 && c <= 0x2468);
}

bool IsNumeric(int32_t c) {
  auto category = utf8proc_category(c);
  return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
         category == UTF8PROC_CATEGORY_NO;
}

bool IsLower(int32_t c) {
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA ||
         (c >= 0x2170 && c <= 0x217F) || (c >= 0x24D0 && c <= 0x24E9);
}

bool IsUpper(int32_t c) {
  return utf8proc_category(c) == UTF8PROC_CATEGORY_LU || (c >= 0x2160 && c <= 0x216F) ||
         (c >= 0x24B6 && c <= 0x24CF);
}

bool IsTitle(int32_t c) { return utf8proc_category(c) == UTF8PROC_CATEGORY_LT; }
bool IsCased(int32_t c) { return IsLower(c) || IsUpper(c) || IsTitle(c); }

bool IsPrintable(int32_t c) {
  if (c == ' ') return true;
  auto category = utf8proc_category(c);
  return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

bool IsWordCharacter(int32_t c) { return c == '_' || IsAlpha(c) || IsNumeric(c); }

void AppendCased(std::string& out, int32_t c, Case to) {
  if (c < 0x80) {
    bool upper = to == Case::kUpper || to == Case::kTitle;
    if (upper && c >= 'a' && c <= 'z') c -= 32;
    if (!upper && c >= 'A' && c <= 'Z') c += 32;
    out += static_cast<char>(c);
    return;
  }
  if (to == Case::kFold) {
    utf8proc_int32_t folded[8];
    int boundary = 0;
    auto count = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, &boundary);
    for (int i = 0; i < count && i < 8; i++) AppendUtf8(out, folded[i]);
    return;
  }
  auto special = std::lower_bound(
      std::begin(kSpecialCases), std::end(kSpecialCases), c,
      [](const SpecialCase& entry, int32_t wanted) { return entry.code_point < wanted; });
  if (special != std::end(kSpecialCases) && special->code_point == c) {
    out += to == Case::kLower   ? special->lower
           : to == Case::kUpper ? special->upper
                                : special->title;
    return;
  }
  AppendUtf8(out, to == Case::kLower   ? utf8proc_tolower(c)
                  : to == Case::kUpper ? utf8proc_toupper(c)
                                       : utf8proc_totitle(c));
}

size_t FindBytes(std::string_view text, std::string_view wanted, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (wanted.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::string_view StripSpace(std::string_view text) {
  while (!text.empty()) {
    CodePoint first = Decode(text, 0);
    if (!IsSpace(first.value)) break;
    text.remove_prefix(first.length);
  }
  while (!text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && IsContinuation(text[at])) at--;
    if (!IsSpace(Decode(text, at).value)) break;
    text.remove_suffix(text.size() - at);
  }
  return text;
}

}  // namespace ingle::jinja
