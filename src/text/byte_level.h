#pragma once
// GPT-2's way of writing bytes as printable characters: those of Latin-1 that print stand for
// themselves, the other 68 bytes are U+0100 to U+0143 in order.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ingle {

uint32_t CharacterOfByte(uint8_t byte);

// The bytes that a spelling stands for; nullopt when it has a character that stands for none.
std::optional<std::string> BytesOfSpelling(std::string_view spelling);

}  // namespace ingle
