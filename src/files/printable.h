#pragma once
// Names from files: what is acceptable, and how to show one that is not without letting it write to
// a terminal.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace ingle {

// The offset of the first byte that does not continue valid UTF-8 (RFC 3629), or nullopt.
std::optional<size_t> FindInvalidUtf8(std::string_view text);

// Valid UTF-8 without control characters (C0, DEL, C1).
bool IsPlainName(std::string_view name);

// Control characters and invalid bytes as \xNN; cut after 80 bytes with a mark that says so.
std::string Printable(std::string_view text);

}  // namespace ingle
