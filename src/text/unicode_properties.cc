#include "text/unicode_properties.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <vector>

#include "text/unicode.h"

namespace ingle {
namespace {

constexpr PropertyRange kRanges[] = {
#define INGLE_PROPERTY_RANGES
#include "text/unicode_properties.inc"
#undef INGLE_PROPERTY_RANGES
};

constexpr LowercaseRow kLowercase[] = {
#define INGLE_LOWERCASE
#include "text/unicode_properties.inc"
#undef INGLE_LOWERCASE
};

constexpr std::string_view kCategories[] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"};

constexpr std::string_view kScripts[] = {
    "Latin",    "Greek",    "Cyrillic", "Armenian", "Hebrew",  "Arabic",    "Devanagari", "Bengali",
    "Tamil",    "Telugu",   "Thai",     "Lao",      "Tibetan", "Myanmar",   "Georgian",   "Hangul",
    "Hiragana", "Katakana", "Bopomofo", "Han",      "Khmer",   "Mongolian", "Yi"};

// Two levels: a block of 256 code points that lies in one range is that range's properties, the
// others have a table of their own.
struct PropertyTable {
  static constexpr uint32_t kBlocks = 0x1100;
  std::array<uint32_t, kBlocks> block{};  // Index into `values`.
  std::vector<uint32_t> values;

  PropertyTable() {
    size_t range = 0;
    std::array<uint32_t, 256> row;
    for (uint32_t b = 0; b < kBlocks; ++b) {
      const size_t first = range;
      for (uint32_t i = 0; i < 256; ++i) {
        while (range + 1 < std::size(kRanges) && kRanges[range + 1].first <= b * 256 + i) ++range;
        row[i] = kRanges[range].properties;
      }
      const bool as_before =
          b > 0 && first == range && std::equal(row.begin(), row.end(), values.end() - 256);
      if (!as_before) values.insert(values.end(), row.begin(), row.end());
      block[b] = static_cast<uint32_t>(values.size() - 256);
    }
  }
};

}  // namespace

uint32_t CharProperties(uint32_t code_point) {
  static const PropertyTable table;
  if (code_point >= kInvalidByte) return 0;
  return table.values[table.block[code_point >> 8] + (code_point & 0xFF)];
}

std::span<const PropertyRange> PropertyRanges() { return kRanges; }

uint32_t CategoryMask(std::string_view name) {
  uint32_t mask = 0;
  for (size_t i = 0; i < std::size(kCategories); ++i) {
    if (kCategories[i] == name || (name.size() == 1 && kCategories[i][0] == name[0]))
      mask |= 1u << i;
  }
  return mask;
}

uint32_t ScriptNumber(std::string_view name) {
  const auto found = std::find(std::begin(kScripts), std::end(kScripts), name);
  return found == std::end(kScripts) ? 0 : static_cast<uint32_t>(found - std::begin(kScripts) + 1);
}

uint32_t SimpleLowercase(uint32_t code_point) {
  if (code_point < 0x80)
    return code_point >= 'A' && code_point <= 'Z' ? code_point + 32 : code_point;
  const auto row = std::partition_point(std::begin(kLowercase), std::end(kLowercase),
                                        [&](const LowercaseRow& r) { return r.last < code_point; });
  if (row == std::end(kLowercase) || code_point < row->first ||
      (code_point - row->first) % row->step != 0)
    return code_point;
  return static_cast<uint32_t>(static_cast<int32_t>(code_point) + row->delta);
}

void AppendLowercase(uint32_t code_point, std::string& out) {
  if (code_point == 0x130) {
    out += "i\xCC\x87";  // i and a combining dot.
  } else {
    AppendUtf8(SimpleLowercase(code_point), out);
  }
}

std::span<const LowercaseRow> LowercaseRows() { return kLowercase; }

}  // namespace ingle
