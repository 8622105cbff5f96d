#pragma once
// Server-sent events, and JSON text that every known client's line splitter survives.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ingle {

// Always valid UTF-8: U+FFFD replaces what is not. U+0085, U+2028 and U+2029 are escaped: some
// readers take them for line ends.
std::string JsonText(const json::value& value);
std::string SseData(const json::value& value);  // "data: {...}\n\n"
inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";
// Not ": ping" and not ":data": both break a known client.
inline constexpr std::string_view kSseKeepAlive = ": keep-alive\n\n";
// A comment on the prompt's progress.
std::string SseProgress(uint32_t done, uint32_t total);

// Readers of several clients fail on lines of 64 KiB and more.
inline constexpr size_t kTextPerEventBytes = 16 << 10;
// The text in pieces of at most kTextPerEventBytes, never inside a character. Empty text gives no
// piece.
std::vector<std::string_view> SplitText(std::string_view text);

}  // namespace ingle
