#pragma once
// Python's text operations on tainted strings: every byte keeps its trust. Used by methods and
// filters.

#include <functional>
#include <vector>

#include "jinja/builtins.h"
#include "jinja/tainted_string.h"
#include "jinja/unicode.h"

namespace ingle::jinja {

enum class Side : uint8_t { kLeft = 1, kRight = 2, kBoth = 3 };
TaintedString Strip(const TaintedString& text, Side side, const TaintedString* characters);
// Splits at white space, at most `limit` times (-1: everywhere), from the left or the right.
std::vector<TaintedString> SplitSpace(const TaintedString& text, int64_t limit, bool from_right);
std::vector<TaintedString> SplitAt(const TaintedString& text, std::string_view separator,
                                   int64_t limit, bool from_right);
std::vector<TaintedString> SplitLines(const TaintedString& text, bool keep_ends);
// nullopt after failing the run.
std::optional<TaintedString> Replace(Runtime& run, const TaintedString& text,
                                     const TaintedString& from, const TaintedString& to,
                                     int64_t limit);
TaintedString MapCase(const TaintedString& text, Case to);
TaintedString Capitalize(const TaintedString& text);
TaintedString TitleWords(const TaintedString& text);  // str.title()
TaintedString SwapCase(const TaintedString& text);
Value TextList(Runtime& run, std::vector<TaintedString> parts, bool markup);
std::optional<TaintedString> Join(Runtime& run, const TaintedString& separator,
                                  const std::vector<Value>& items);

}  // namespace ingle::jinja
