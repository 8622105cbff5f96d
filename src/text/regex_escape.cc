#include "text/regex_escape.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "text/unicode_properties.h"

namespace ingle {
namespace {

// Property names fold case, spaces, hyphens and underscores.
std::string Plain(std::string_view name) {
  std::string plain;
  for (char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    plain += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return plain;
}

void AddHexDigits(CodePointSet& set) {
  set.Add('0', '9');
  set.Add('A', 'F');
  set.Add('a', 'f');
}

bool AddPosixClass(std::string_view plain, CodePointSet& set) {
  if (plain == "any") return set.Add(0, 0x10FFFF), true;
  if (plain == "ascii") return set.Add(0, 0x7F), true;
  if (plain == "alpha" || plain == "alphabetic") {
    CodePointSet rest;  // \w is the alphabetic characters, marks, decimal digits and connectors.
    rest.AddCategories(CategoryMask("Nd") | CategoryMask("Pc"));
    rest.Complement();
    set.AddProperty(kPatternWord);
    set.Intersect(rest);
    return true;
  }
  if (plain == "digit") return set.AddCategories(CategoryMask("Nd")), true;
  if (plain == "alnum") {
    AddPosixClass("alpha", set);
    set.AddCategories(CategoryMask("Nd"));
    return true;
  }
  if (plain == "upper") return set.AddCategories(CategoryMask("Lu")), true;
  if (plain == "lower") return set.AddCategories(CategoryMask("Ll")), true;
  if (plain == "punct") {
    set.AddCategories(CategoryMask("P"));
    constexpr std::string_view kAsciiSymbols = "$+<=>^`|~";
    for (char c : kAsciiSymbols) set.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
    return true;
  }
  if (plain == "space") return set.AddProperty(kPatternSpace), true;
  if (plain == "blank") {
    set.AddCategories(CategoryMask("Zs"));
    set.Add('\t', '\t');
    return true;
  }
  if (plain == "cntrl") return set.AddCategories(CategoryMask("Cc")), true;
  if (plain == "xdigit") return AddHexDigits(set), true;
  if (plain == "word") return set.AddProperty(kPatternWord), true;
  return false;
}

struct LongName {
  std::string_view plain, category;
};
constexpr LongName kLongNames[] = {
    {"letter", "L"},
    {"uppercaseletter", "Lu"},
    {"lowercaseletter", "Ll"},
    {"titlecaseletter", "Lt"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"mark", "M"},
    {"nonspacingmark", "Mn"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"symbol", "S"},
    {"separator", "Z"},
    {"spaceseparator", "Zs"},
    {"mathsymbol", "Sm"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"othersymbol", "So"},
    {"other", "C"},
    {"control", "Cc"},
    {"format", "Cf"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
};

}  // namespace

bool AddShorthand(char letter, CodePointSet& set) {
  CodePointSet found;
  switch (letter) {
    case 'd':
    case 'D': found.AddCategories(CategoryMask("Nd")); break;
    case 'w':
    case 'W': found.AddProperty(kPatternWord); break;
    case 's':
    case 'S': found.AddProperty(kPatternSpace); break;
    case 'h':
    case 'H': AddHexDigits(found); break;
    default: return false;
  }
  if (letter < 'a') found.Complement();
  set.Add(found);
  return true;
}

bool AddNamedClass(std::string_view name, CodePointSet& set) {
  const std::string plain = Plain(name);
  if (plain.empty()) return false;
  std::string category = plain;
  category[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(category[0])));
  if (category.size() <= 2) {
    const uint32_t mask = CategoryMask(category);
    if (mask != 0) return set.AddCategories(mask), true;
  }
  for (const LongName& known : kLongNames) {
    if (known.plain == plain) return set.AddCategories(CategoryMask(known.category)), true;
  }
  const uint32_t script = ScriptNumber(category);
  if (script != 0) return set.AddScript(script), true;
  return AddPosixClass(plain, set);
}

std::optional<uint32_t> ControlEscape(char letter) {
  switch (letter) {
    case 't': return '\t';
    case 'n': return '\n';
    case 'r': return '\r';
    case 'f': return '\f';
    case 'v': return '\v';
    case 'a': return '\a';
    case 'e': return 0x1B;
    default: return std::nullopt;
  }
}

std::optional<uint32_t> TakeHex(std::string_view& text, size_t most) {
  uint32_t value = 0;
  size_t digits = 0;
  while (digits < most && digits < text.size() &&
         std::isxdigit(static_cast<unsigned char>(text[digits]))) {
    const char c = text[digits++];
    const int digit = c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
    value = value * 16 + static_cast<uint32_t>(digit);
  }
  text.remove_prefix(digits);
  if (digits == 0) return std::nullopt;
  return value;
}

}  // namespace ingle
