#include "text/unicode.h"

#include <gtest/gtest.h>

#include "text/byte_level.h"
#include "text/string_table.h"

namespace ingle {
namespace {

TEST(Unicode, EveryCodePointComesBack) {
  for (uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    const CodePoint decoded = DecodeAt(text, 0);
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.length, text.size());
  }
}

TEST(Unicode, IllFormedBytesAreSingle) {
  for (std::string_view text :
       {"\x80", "\xC1\x80", "\xE0\x9F\x80", "\xED\xA0\x80", "\xF0\x8F\x80\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xC3", "\xE4\xB8", "\xF0\x9F\x98"}) {
    const CodePoint decoded = DecodeAt(text, 0);
    EXPECT_EQ(decoded.length, 1);
    EXPECT_EQ(decoded.value, kInvalidByte + static_cast<uint8_t>(text[0]));
    EXPECT_EQ(decoded.classes, 0);
  }
  EXPECT_EQ(DecodeAt("a", 1).length, 0);
}

// As Python's bytes.decode(errors="replace").
TEST(Unicode, MaximalPartsAreReplaced) {
  const auto valid = [](std::string_view text) {
    std::string out;
    EXPECT_EQ(AppendValid(text, false, out), text.size());
    return out;
  };
  EXPECT_EQ(valid("a\xF0\x9F\x98z"), "a\uFFFDz");
  EXPECT_EQ(valid("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(valid("\xE4\xB8"), "\uFFFD");
  EXPECT_EQ(valid("\xC0\x80"), "\uFFFD\uFFFD");
  std::string out;
  EXPECT_EQ(AppendValid("ab\xE4\xB8", true, out), 2u);
  EXPECT_EQ(out, "ab");
}

TEST(Unicode, Classes) {
  EXPECT_EQ(CharClasses('a') & (kLetter | kNumber | kSpace), kLetter);
  EXPECT_EQ(CharClasses('5') & (kNumber | kDigit), kNumber | kDigit);
  EXPECT_TRUE(CharClasses(0x3000) & kSpace);
  EXPECT_TRUE(CharClasses(0x85) & kSpace);
  EXPECT_FALSE(CharClasses(0x200B) & kSpace);
  EXPECT_TRUE(CharClasses(0x4E2D) & kLetter);
  EXPECT_TRUE(CharClasses(0xBD) & kNumber);
  EXPECT_EQ(CharClasses(0x10FFFF), 0);
  EXPECT_EQ(CharClasses(0xFFFFFFFF), 0);
}

TEST(ByteLevel, TheAlphabetIsOneToOne) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string spelling;
    AppendUtf8(CharacterOfByte(static_cast<uint8_t>(byte)), spelling);
    EXPECT_EQ(BytesOfSpelling(spelling),
              std::string(1, static_cast<char>(static_cast<uint8_t>(byte))));
  }
  EXPECT_EQ(BytesOfSpelling("Ġhi"), " hi");
  EXPECT_EQ(BytesOfSpelling("a b"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling("中"), std::nullopt);
}

TEST(StringTable, FindsTheFirstOfEqualOnes) {
  StringTable table;
  for (int i = 0; i < 5000; ++i) {
    table.Add(std::to_string(i % 4000));
    EXPECT_EQ(table.Index(static_cast<uint32_t>(i)), static_cast<uint32_t>(i % 4000));
  }
  EXPECT_EQ(table.Find("3999"), 3999u);
  EXPECT_EQ(table.Find("4000"), StringTable::kAbsent);
  EXPECT_EQ(StringTable().Find(""), StringTable::kAbsent);
}

}  // namespace
}  // namespace ingle
