#pragma once
// UTF-8 and the character classes that pre-tokenizers split by.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingle {

// Bits of unicode_tables.inc. Letter and number are Unicode's L and N.
enum CharClass : uint8_t {
  kLetter = 1,
  kNumber = 2,
  kSpace = 4,
  kDigit = 8,  // What Hugging Face's `Digits` splits: N of a slightly newer Unicode.
  kPunctuation = 16,
  kDeepSeekLetter = 32,  // Three classes that DeepSeek LLM's patterns spell out.
  kDeepSeekPunctuation = 64,
  kDeepSeekCjk = 128,
};

// One character, or one byte that is part of none.
struct CodePoint {
  uint32_t value = 0;   // kInvalidByte + the byte where the bytes are not UTF-8.
  uint8_t length = 0;   // Bytes; 0 only at the end of the text.
  uint8_t classes = 0;  // CharClass bits; none for an invalid byte.
  bool Is(uint8_t mask) const { return (classes & mask) != 0; }
};

inline constexpr uint32_t kInvalidByte = 0x110000;
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

uint8_t CharClasses(uint32_t code_point);

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint DecodeAt(std::string_view text, size_t position);

void AppendUtf8(uint32_t code_point, std::string& out);

// Appends the text as valid UTF-8: each maximal ill-formed part becomes one U+FFFD (Unicode 3.9, as
// Rust and Python do). Returns how many bytes were consumed: all, except for an unfinished
// character at the end when `more_follows`.
size_t AppendValid(std::string_view text, bool more_follows, std::string& out);

}  // namespace ingle
