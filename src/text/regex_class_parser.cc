#include "text/regex_escape.h"
#include "text/regex_parser.h"

namespace ingle {

Status RegexParser::Property(bool negative, CodePointSet& set) {
  const size_t end = rest_.find('}');
  if (!rest_.starts_with('{') || end == std::string_view::npos)
    return Refuse("has \\p without a name in braces");
  std::string_view name = rest_.substr(1, end - 1);
  if (name.starts_with('^')) {
    negative = !negative;
    name.remove_prefix(1);
  }
  CodePointSet found;
  if (!AddNamedClass(name, found)) return Refuse("names a class of characters that is not known");
  rest_.remove_prefix(end + 1);
  if (negative) found.Complement();
  set.Add(found);
  return {};
}

// The character of an escape that stands for one; `rest_` is behind the backslash.
Result<uint32_t> RegexParser::EscapedCharacter() {
  const CodePoint c = DecodeAt(rest_, 0);
  if (c.length == 0) return Refuse("ends with a backslash");
  if (c.value >= kInvalidByte) return Refuse("is not valid UTF-8");
  rest_.remove_prefix(c.length);
  if (c.value >= 0x80) return c.value;
  const auto letter = static_cast<char>(c.value);
  if (std::optional<uint32_t> control = ControlEscape(letter)) return *control;
  std::optional<uint32_t> value;
  if (letter == 'x' && Take("{")) {
    value = TakeHex(rest_, 8);
    if (!Take("}")) return Refuse("has \\x{ without an end");
  } else if (letter == 'x') {
    value = TakeHex(rest_, 2);
    if (value && *value > 0x7F) return Refuse("names a byte that is no character");
  } else if (letter == 'u') {
    value = TakeHex(rest_, 4);
  } else if (letter == '0') {
    value = 0;
    for (int i = 0; i < 2 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '7'; ++i) {
      value = *value * 8 + static_cast<uint32_t>(rest_[0] - '0');
      rest_.remove_prefix(1);
    }
  } else if ((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
             (letter >= '1' && letter <= '9')) {
    return Refuse("has an escape that is not known (\\" + std::string(1, letter) + ")");
  } else {
    return c.value;
  }
  if (!value || *value > 0x10FFFF || (*value >= 0xD800 && *value <= 0xDFFF))
    return Refuse("names a character that there is not");
  return *value;
}

// One item of a class: `single` when it is one character (which may begin a range).
Result<CodePointSet> RegexParser::ClassItem(bool& single, uint32_t& value, int depth) {
  CodePointSet set;
  single = false;
  if (rest_.starts_with("[:")) {
    const size_t end = rest_.find(":]");
    std::string_view name = rest_.substr(2, end == std::string_view::npos ? 0 : end - 2);
    const bool negative = name.starts_with('^');
    if (negative) name.remove_prefix(1);
    if (end == std::string_view::npos || !AddNamedClass(name, set))
      return Refuse("names a class of characters that is not known");
    rest_.remove_prefix(end + 2);
    if (negative) set.Complement();
    return set;
  }
  if (rest_.starts_with('[')) return Class(depth + 1);
  if (rest_.starts_with("\\p") || rest_.starts_with("\\P")) {
    const bool negative = rest_[1] == 'P';
    rest_.remove_prefix(2);
    INGLE_RETURN_IF_ERROR(Property(negative, set));
    return set;
  }
  if (rest_.size() > 1 && rest_[0] == '\\' && AddShorthand(rest_[1], set)) {
    rest_.remove_prefix(2);
    return set;
  }
  single = true;
  if (Take("\\")) {
    INGLE_TRY(value, Take("b") ? Result<uint32_t>(8) : EscapedCharacter());
  } else {
    const CodePoint c = DecodeAt(rest_, 0);
    if (c.length == 0) return Refuse("lacks a closing bracket");
    if (c.value >= kInvalidByte) return Refuse("is not valid UTF-8");
    value = c.value;
    rest_.remove_prefix(c.length);
  }
  set.Add(value, value);
  return set;
}

Result<CodePointSet> RegexParser::Class(int depth) {
  if (depth > kMaxRegexDepth) return Refuse("has classes more than 64 deep");
  Take("[");
  const bool negative = Take("^");
  CodePointSet part, whole;
  bool intersects = false;
  for (bool first = true; first || !rest_.starts_with(']'); first = false) {
    if (rest_.empty()) return Refuse("lacks a closing bracket");
    if (Take("&&")) {
      if (intersects) {
        whole.Intersect(part);
      } else {
        whole = std::move(part);
      }
      part = {};
      intersects = true;
      continue;
    }
    bool single = false;
    uint32_t low = 0, high = 0;
    INGLE_TRY(const CodePointSet item, ClassItem(single, low, depth));
    part.Add(item);
    if (!single || !rest_.starts_with('-') || rest_.starts_with("-]")) continue;
    const std::string_view hyphen = rest_;
    Take("-");
    INGLE_TRY(const CodePointSet end, ClassItem(single, high, depth));
    if (!single) {  // [a-\d]: the hyphen stands for itself.
      rest_ = hyphen;
      part.Add('-', '-');
      rest_.remove_prefix(1);
      continue;
    }
    if (high < low) return Refuse("has a range that goes backwards");
    part.Add(low, high);
  }
  Take("]");
  if (intersects) part.Intersect(whole);
  if (ignore_case_) part.AddOtherCases();
  if (negative) part.Complement();
  return part;
}

}  // namespace ingle
