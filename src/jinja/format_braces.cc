// "text {}".format(values): replacement fields with attributes and items as the sandbox allows
// them.

#include <algorithm>
#include <cmath>

#include "jinja/format_numbers.h"
#include "jinja/numbers.h"
#include "jinja/text_operations.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

constexpr int kMaxNesting = 2;  // Fields inside of format specifications.

struct Spec {
  TaintedString fill{" ", true};
  char align = '\0', sign = '\0', type = '\0';
  bool alternate = false, zero = false, filled = false, positive_zero = false;
  char separator = '\0';
  int64_t width = -1, precision = -1;
};

class BraceFormatter {
 public:
  BraceFormatter(Runtime& run, const Arguments& arguments, bool markup)
      : run_(run), arguments_(arguments), markup_(markup) {}

  std::optional<TaintedString> Format(const TaintedString& format, int nesting) {
    if (nesting > kMaxNesting) return Fail("ValueError: Max string recursion exceeded");
    StringBuilder out;
    std::string_view text = format.view();
    for (size_t at = 0; at < text.size();) {
      size_t brace = text.find_first_of("{}", at);
      if (brace == std::string_view::npos) brace = text.size();
      out.Append(format, at, brace - at);
      at = brace;
      if (at >= text.size()) break;
      if (at + 1 < text.size() && text[at + 1] == text[at]) {
        out.Append(format, at, 1);
        at += 2;
        continue;
      }
      if (text[at] == '}') return Fail("ValueError: Single '}' encountered in format string");
      size_t end = FieldEnd(text, at + 1);
      if (end == std::string_view::npos)
        return Fail("ValueError: expected '}' before end of string");
      auto field = Field(Slice(format, at + 1, end - at - 1), nesting);
      if (!field || !run_.SpendBytes(out.size() / 16 + field->size())) return std::nullopt;
      out.Append(*field);
      at = end + 1;
    }
    return out.Take();
  }

 private:
  std::nullopt_t Fail(const std::string& what) {
    run_.Fail(what);
    return std::nullopt;
  }

  static size_t FieldEnd(std::string_view text, size_t at) {
    for (int depth = 1; at < text.size(); at++) {
      depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
      if (depth == 0) return at;
    }
    return std::string_view::npos;
  }

  // name!conversion:spec
  std::optional<TaintedString> Field(const TaintedString& field, int nesting) {
    std::string_view text = field.view();
    size_t name_end = 0;
    for (bool bracket = false; name_end < text.size(); name_end++) {
      bracket = text[name_end] == '[' || (bracket && text[name_end] != ']');
      if (!bracket && (text[name_end] == '!' || text[name_end] == ':')) break;
    }
    Value value = Lookup(std::string(text.substr(0, name_end)));
    if (value.failed()) return std::nullopt;
    size_t at = name_end;
    if (at < text.size() && text[at] == '!') {
      char conversion = at + 1 < text.size() ? text[at + 1] : '\0';
      if (conversion != 's' && conversion != 'r' && conversion != 'a')
        return Fail("ValueError: unknown conversion in format");
      StringBuilder converted;
      if (!(conversion == 's' ? run_.AppendText(converted, value)
                              : run_.AppendRepr(converted, value)))
        return std::nullopt;
      TaintedString text_of = converted.Take();
      value = run_.String(conversion == 'a' ? AsciiOnly(text_of) : std::move(text_of));
      at += 2;
      if (at < text.size() && text[at] != ':')
        return Fail("ValueError: expected ':' after conversion specifier");
    }
    auto spec = Format(Slice(field, std::min(at + 1, text.size()), text.size()), nesting + 1);
    if (!spec || value.failed()) return std::nullopt;
    auto formatted = Apply(value, *spec);
    bool escape = markup_ && formatted && !(value.is_string() && value.string().markup);
    return escape ? EscapeHtml(*formatted) : formatted;
  }

  Value Lookup(const std::string& name) {
    size_t end = std::min(name.find_first_of(".["), name.size());
    std::string first = name.substr(0, end);
    bool number = !first.empty() && std::all_of(first.begin(), first.end(),
                                                [](char c) { return c >= '0' && c <= '9'; });
    Value value;
    // ".name" and "[0]" are looked up under an empty name: Python 3.11 numbers "{}" only.
    if ((first.empty() && name.empty()) || number) {
      if (automatic_ && *automatic_ != first.empty())
        return run_.Fail("ValueError: cannot switch between automatic and manual field numbering");
      automatic_ = first.empty();
      size_t index = first.empty() ? next_++ : first.size() > 6 ? SIZE_MAX : std::stoul(first);
      if (index >= arguments_.size())
        return run_.Fail("IndexError: Replacement index out of range");
      value = arguments_[index];
    } else {
      auto found = std::find_if(arguments_.named.begin(), arguments_.named.end(),
                                [&](const auto& n) { return n.first == first; });
      if (found == arguments_.named.end())
        return run_.Fail("KeyError: '" + first.substr(0, 60) + "'");
      value = found->second;
    }
    while (end < name.size() && !value.failed()) {
      bool item = name[end] == '[';
      size_t stop =
          item ? name.find(']', end) : std::min(name.find_first_of(".[", end + 1), name.size());
      if (stop == std::string::npos) return run_.Fail("ValueError: Missing ']' in format string");
      std::string part = name.substr(end + 1, stop - end - 1);
      if (part.empty()) return run_.Fail("ValueError: Empty attribute in format string");
      bool digits =
          std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
      if (!item)
        value = run_.GetAttribute(value, part);
      else
        value = run_.GetItem(value, digits ? ParseInteger(&run_, part, 10) : run_.String(part));
      end = item ? stop + 1 : stop;
    }
    return value;
  }

  bool Parse(const TaintedString& text, Spec& spec) {
    std::string_view rest = text.view();
    constexpr std::string_view kAligns = "<>=^";
    size_t first = rest.empty() ? 0 : Decode(rest, 0).length;
    if (first < rest.size() && kAligns.find(rest[first]) != std::string_view::npos) {
      spec.fill = Slice(text, 0, first);
      spec.align = rest[first];
      spec.filled = true;
      rest.remove_prefix(first + 1);
    } else if (!rest.empty() && kAligns.find(rest[0]) != std::string_view::npos) {
      spec.align = rest[0];
      rest.remove_prefix(1);
    }
    auto take = [&](std::string_view any) {
      if (rest.empty() || any.find(rest[0]) == std::string_view::npos) return '\0';
      char c = rest[0];
      rest.remove_prefix(1);
      return c;
    };
    auto number = [&](int64_t& value) {
      while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
        value = std::max<int64_t>(value, 0) * 10 + (rest[0] - '0');
        rest.remove_prefix(1);
        if (value > static_cast<int64_t>(kMaxLiveBytes))
          return run_.FailBudget("a format is too wide"), false;
      }
      return true;
    };
    spec.sign = take("+- ");
    spec.positive_zero = take("z") != '\0';
    spec.alternate = take("#") != '\0';
    spec.zero = take("0") != '\0';
    if (!number(spec.width)) return false;
    spec.separator = take(",_");
    if (take(".") != '\0') {
      spec.precision = -1;
      if (!number(spec.precision)) return false;
      if (spec.precision < 0)
        return run_.Fail("ValueError: Format specifier missing precision"), false;
    }
    spec.type = take("bcdeEfFgGnosxX%");
    if (!rest.empty()) return run_.Fail("ValueError: Invalid format specifier"), false;
    return true;
  }

  std::optional<TaintedString> Apply(const Value& value, const TaintedString& text) {
    StringBuilder plain;
    if (text.empty()) {
      if (!run_.AppendText(plain, value)) return std::nullopt;
      return plain.Take();
    }
    Spec spec;
    if (!Parse(text, spec)) return std::nullopt;
    if (IsNumber(value)) return ApplyNumber(value, spec);
    if (!value.is_string())
      return Fail("TypeError: unsupported format string passed to " + std::string(TypeName(value)) +
                  ".__format__");
    if ((spec.type != '\0' && spec.type != 's') || spec.align == '=' || spec.sign != '\0' ||
        spec.positive_zero || spec.separator != '\0')
      return Fail("ValueError: invalid format specifier for a text");
    if (!run_.AppendText(plain, value)) return std::nullopt;
    TaintedString whole = plain.Take();
    if (spec.precision >= 0) {
      size_t end = 0;
      for (int64_t i = 0; i < spec.precision && end < whole.size(); i++)
        end += Decode(whole.view(), end).length;
      whole = Slice(whole, 0, end);
    }
    if (spec.zero && !spec.filled) spec.fill = TaintedString("0", true);
    return Padded(whole, spec, spec.align == '\0' ? '<' : spec.align);
  }

  std::optional<TaintedString> ApplyNumber(const Value& value, const Spec& spec) {
    NumberSpec number{'d', spec.sign == '\0' ? '-' : spec.sign, spec.alternate, spec.precision,
                      spec.separator};
    bool is_float = value.kind() == Kind::kFloat;
    number.type = spec.type != '\0' ? (spec.type == 'n' ? (is_float ? 'g' : 'd') : spec.type)
                  : is_float        ? 'g'
                                    : 'd';
    if (number.type == 's') return Fail("ValueError: Unknown format code 's' for a number");
    bool integral = std::string_view("dxXobc").find(number.type) != std::string_view::npos;
    if (integral && (is_float || spec.precision >= 0))
      return Fail("ValueError: the format does not fit the number");
    std::optional<FormattedNumber> formatted;
    if (is_float && spec.type == '\0' && spec.precision < 0 && std::isfinite(value.floating())) {
      std::string repr = FloatRepr(std::fabs(value.floating()));
      formatted = FormattedNumber{std::signbit(value.floating()) ? "-"
                                  : number.sign == '-'           ? ""
                                                                 : std::string(1, number.sign),
                                  "", repr};
      if (spec.separator != '\0') AddSeparators(formatted->digits, spec.separator, 3);
    } else {
      if (number.type == 'c') return Character(value, spec);
      formatted = FormatNumber(run_, value, number);
    }
    if (!formatted) return std::nullopt;
    bool zero = formatted->digits.find_first_of("123456789n") == std::string::npos;
    if (spec.positive_zero && zero && formatted->sign == "-")
      formatted->sign = number.sign == '-' ? "" : std::string(1, number.sign);
    std::string head = formatted->sign + formatted->prefix;
    char align = spec.align == '\0' ? (spec.zero ? '=' : '>') : spec.align;
    bool zeros = spec.zero && !spec.filled;
    TaintedString fill = zeros ? TaintedString("0", true) : spec.fill;
    Spec padding = spec;
    padding.fill = fill;
    if (align != '=') return Padded(TaintedString(head + formatted->digits, true), padding, align);
    padding.width = spec.width - static_cast<int64_t>(head.size());
    if (zeros && spec.align == '\0' && number.separator != '\0' &&
        !PadGroups(formatted->digits, number, padding.width))
      return std::nullopt;
    auto digits = Padded(TaintedString(formatted->digits, true), padding, '>');
    if (!digits) return std::nullopt;
    StringBuilder out;
    out.Append(head, true);
    out.Append(*digits);
    return out.Take();
  }

  std::optional<TaintedString> Character(const Value& value, const Spec& spec) {
    bool fits = value.kind() != Kind::kBigInt && value.integer() >= 0 &&
                value.integer() <= 0x10FFFF &&
                !(value.integer() >= 0xD800 && value.integer() < 0xE000);
    if (spec.sign != '\0' || spec.alternate)
      return Fail("ValueError: Sign and # are not allowed with format type c");
    if (!fits) return Fail("OverflowError: %c arg not in range(0x110000)");
    std::string text;
    AppendUtf8(text, static_cast<int32_t>(value.integer()));
    Spec padding = spec;
    if (spec.zero && !spec.filled) padding.fill = TaintedString("0", true);
    char align = spec.align == '\0' ? (spec.zero ? '=' : '<') : spec.align;
    return Padded(TaintedString(text, true), padding, align == '=' ? '>' : align);
  }

  // Zeros in front of grouped digits are grouped too: "0,001", never ",001".
  bool PadGroups(std::string& digits, const NumberSpec& spec, int64_t width) {
    if (width <= static_cast<int64_t>(digits.size())) return true;
    if (!run_.SpendBytes(static_cast<size_t>(width))) return false;
    size_t group =
        spec.type == 'd' || std::string_view("xXob").find(spec.type) == std::string_view::npos ? 3
                                                                                               : 4;
    size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF,_"), digits.size());
    size_t run_length = 0;  // Digits since the last separator, from the right.
    for (size_t at = whole; at > 0 && digits[at - 1] != spec.separator; at--) run_length++;
    std::string front;
    size_t first = digits.substr(0, whole).find(spec.separator);
    size_t leading = first == std::string::npos ? run_length : first;
    while (static_cast<int64_t>(digits.size() + front.size()) < width) {
      if (leading == group) {
        front += spec.separator;
        leading = 0;
      }
      front += '0';
      leading++;
    }
    std::reverse(front.begin(), front.end());
    digits.insert(0, front);
    return true;
  }

  std::optional<TaintedString> Padded(const TaintedString& text, const Spec& spec, char align) {
    Value padded = Pad(run_, text, spec.width, spec.fill, align);
    if (padded.failed()) return std::nullopt;
    return padded.text();
  }

  Runtime& run_;
  const Arguments& arguments_;
  bool markup_;
  size_t next_ = 0;
  std::optional<bool> automatic_;
};

}  // namespace

Value FormatBraces(Runtime& run, const Value& format, const Arguments& arguments) {
  if (!run.SpendBytes(format.text().size())) return Value::Failure();
  auto text = BraceFormatter(run, arguments, format.string().markup).Format(format.text(), 0);
  return text ? run.String(std::move(*text), format.string().markup) : Value::Failure();
}

}  // namespace ingle::jinja
