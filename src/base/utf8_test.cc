#include "base/utf8.h"

#include <gtest/gtest.h>

namespace ingle {
namespace {

#define FFFD "\xEF\xBF\xBD"

TEST(ValidUtf8, KeepsValidText) {
  for (const char* text :
       {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "\xc2\x80",
        "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
    EXPECT_EQ(ValidUtf8(text), text);
  }
  EXPECT_EQ(ValidUtf8(std::string_view("a\0b", 3)), std::string("a\0b", 3));
}

// The texts of the first four lines and their replacements are examples of the Unicode Standard,
// section 3.9, tables 3-8 to 3-11.
TEST(ValidUtf8, ReplacesWhatIsNot) {
  constexpr std::pair<std::string_view, std::string_view> kCases[] = {
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", FFFD FFFD FFFD FFFD "A"},
      {"cut \xc3", "cut " FFFD},
      {"cut \xf0\x9f\x98", "cut " FFFD},
      {"\xc3\xa9\xff\xc3\xa9", "\xc3\xa9" FFFD "\xc3\xa9"},
  };
  for (const auto& [text, expected] : kCases) {
    EXPECT_FALSE(IsValidUtf8(text)) << expected;
    EXPECT_EQ(ValidUtf8(text), expected);
    EXPECT_TRUE(IsValidUtf8(ValidUtf8(text)));
  }
}

}  // namespace
}  // namespace ingle
