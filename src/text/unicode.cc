#include "text/unicode.h"

#include <algorithm>
#include <array>
#include <vector>

namespace ingle {
namespace {

struct ClassRange {
  uint32_t first;
  uint8_t classes;
};

constexpr ClassRange kRanges[] = {
#include "text/unicode_tables.inc"
};

// Two levels: most of the 4352 blocks of 256 code points share one of a few hundred contents.
struct ClassTable {
  std::array<uint16_t, 0x1100> block_of{};
  std::vector<std::array<uint8_t, 256>> blocks;

  ClassTable() {
    size_t range = 0;
    std::array<uint8_t, 256> block;
    for (uint32_t b = 0; b < block_of.size(); ++b) {
      for (uint32_t i = 0; i < 256; ++i) {
        while (range + 1 < std::size(kRanges) && kRanges[range + 1].first <= b * 256 + i) ++range;
        block[i] = kRanges[range].classes;
      }
      auto same = std::find(blocks.begin(), blocks.end(), block);
      block_of[b] = static_cast<uint16_t>(same - blocks.begin());
      if (same == blocks.end()) blocks.push_back(block);
    }
  }
};

// How many bytes of `text` (which is not empty) belong together: a whole character (valid), or the
// maximal part that begins one and cannot go on. `unfinished`: only the end of the text keeps it
// from going on.
struct Sequence {
  size_t length;
  bool valid;
  bool unfinished;
};

Sequence ScanSequence(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xC2 || lead > 0xF4) return {1, false, false};
  const size_t want = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms, surrogates and what is above U+10FFFF (Unicode table
  // 3-7).
  const uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (size_t i = 1; i < want; ++i) {
    if (i == text.size()) return {i, false, true};
    const bool fits = i == 1 ? byte(1) >= low && byte(1) <= high : (byte(i) & 0xC0) == 0x80;
    if (!fits) return {i, false, false};
  }
  return {want, true, false};
}

}  // namespace

uint8_t CharClasses(uint32_t code_point) {
  static const ClassTable table;
  if (code_point >= kInvalidByte) return 0;
  return table.blocks[table.block_of[code_point >> 8]][code_point & 0xFF];
}

CodePoint DecodeAt(std::string_view text, size_t position) {
  if (position >= text.size()) return {};
  const auto lead = static_cast<uint8_t>(text[position]);
  if (lead < 0x80) return {lead, 1, CharClasses(lead)};
  const Sequence sequence = ScanSequence(text.substr(position, 4));
  if (!sequence.valid) return {kInvalidByte + lead, 1, 0};
  uint32_t value = lead & (0x7Fu >> sequence.length);
  for (size_t i = 1; i < sequence.length; ++i) {
    value = value << 6 | (static_cast<uint8_t>(text[position + i]) & 0x3Fu);
  }
  return {value, static_cast<uint8_t>(sequence.length), CharClasses(value)};
}

void AppendUtf8(uint32_t code_point, std::string& out) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(static_cast<uint8_t>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 0x3F));
    put(0x80 | (code_point >> 6 & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

size_t AppendValid(std::string_view text, bool more_follows, std::string& out) {
  size_t position = 0;
  while (position < text.size()) {
    const Sequence sequence = ScanSequence(text.substr(position, 4));
    if (sequence.valid) {
      out.append(text.substr(position, sequence.length));
    } else if (sequence.unfinished && more_follows) {
      break;
    } else {
      out.append(kReplacementCharacter);
    }
    position += sequence.length;
  }
  return position;
}

}  // namespace ingle
