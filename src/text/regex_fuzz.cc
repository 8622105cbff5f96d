// A pattern and a text behind a zero byte: the matches are in order and apart.

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/utf8.h"
#include "text/regex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(input.find('\0'), input.size());
  const std::string text = ingle::ValidUtf8(input.substr(std::min(end + 1, input.size())));
  const auto regex = ingle::Regex::Compile(input.substr(0, end));
  if (!regex) return 0;
  std::vector<ingle::Regex::Range> matches;
  regex->FindAll(text, matches);
  size_t last = 0;
  for (const auto& [first, behind] : matches) {
    if (first < last || behind < first || behind > text.size()) std::abort();
    if (!ingle::IsValidUtf8(std::string_view(text).substr(first, behind - first))) std::abort();
    last = behind;
  }
  return 0;
}
