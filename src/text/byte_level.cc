#include "text/byte_level.h"

#include <array>

#include "text/unicode.h"

namespace ingle {
namespace {

constexpr uint32_t kCharacters = 0x144;

struct ByteTable {
  std::array<uint32_t, 256> character{};
  std::array<int16_t, kCharacters> byte{};

  constexpr ByteTable() {
    for (int16_t& b : byte) b = -1;
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool prints = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      character[b] = prints ? b : next++;
      byte[character[b]] = static_cast<int16_t>(b);
    }
  }
};

constexpr ByteTable kTable;

}  // namespace

uint32_t CharacterOfByte(uint8_t byte) { return kTable.character[byte]; }

std::optional<std::string> BytesOfSpelling(std::string_view spelling) {
  std::string bytes;
  for (size_t position = 0; position < spelling.size();) {
    const CodePoint c = DecodeAt(spelling, position);
    if (c.value >= kCharacters || kTable.byte[c.value] < 0) return std::nullopt;
    bytes += static_cast<char>(static_cast<uint8_t>(kTable.byte[c.value]));
    position += c.length;
  }
  return bytes;
}

}  // namespace ingle
