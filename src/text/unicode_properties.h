#pragma once
// What the parts of a tokenizer.json take a character for. Every row was asked of the original,
// which mixes several Unicode versions (tests/parity/tokenizers/make_unicode_properties.py).

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ingle {

enum class GeneralCategory : uint8_t {
  kCn,
  kLu,
  kLl,
  kLt,
  kLm,
  kLo,
  kMn,
  kMc,
  kMe,
  kNd,
  kNl,
  kNo,
  kPc,
  kPd,
  kPs,  //
  kPe,
  kPi,
  kPf,
  kPo,
  kSm,
  kSc,
  kSk,
  kSo,
  kZs,
  kZl,
  kZp,
  kCc,
  kCf,
  kCo,
};

// Bits of CharProperties. "Pattern" is the regular expression engine of the original, "word" and
// "space" without it are Rust's.
enum CharProperty : uint32_t {
  kPatternWord = 1u << 10,
  kPatternSpace = 1u << 11,
  kWord = 1u << 12,
  kWhiteSpace = 1u << 13,
  kNumeric = 1u << 14,
  kAnyPunctuation = 1u << 15,
  kBertControl = 1u << 16,
  kNonspacingMark = 1u << 17,
  kCombiningMark = 1u << 18,
  // Left alone by the normal form, whatever stands beside it.
  kSafeNfc = 1u << 19,
  kSafeNfd = 1u << 20,
  kSafeNfkc = 1u << 21,
  kSafeNfkd = 1u << 22,
};

// Category in bits 0 to 4, script in 5 to 9, then CharProperty. 0 beyond U+10FFFF.
uint32_t CharProperties(uint32_t code_point);

// Runs of code points with the same properties: each holds until the next.
struct PropertyRange {
  uint32_t first;
  uint32_t properties;
};
std::span<const PropertyRange> PropertyRanges();

// "Lu" -> its number, "L" -> all of L*: a mask with bit n for category n. 0 when unknown.
uint32_t CategoryMask(std::string_view name);
// 1 and up; 0 when the script is not in the table.
uint32_t ScriptNumber(std::string_view name);

// As Rust's char::to_lowercase; U+0130 becomes two characters.
void AppendLowercase(uint32_t code_point, std::string& out);
uint32_t SimpleLowercase(uint32_t code_point);
// Rows {first, last, step, delta} of the mapping.
struct LowercaseRow {
  uint32_t first, last, step;
  int32_t delta;
};
std::span<const LowercaseRow> LowercaseRows();

}  // namespace ingle
