// "text %s" % values

#include <algorithm>
#include <cmath>

#include "jinja/format_numbers.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Runtime& run, const TaintedString& format, const Value& values)
      : run_(run), format_(format), values_(values) {}

  Value Run(bool markup) {
    markup_ = markup;
    std::string_view text = format_.view();
    while (at_ < text.size()) {
      size_t percent = text.find('%', at_);
      size_t end = percent == std::string_view::npos ? text.size() : percent;
      out_.Append(format_, at_, end - at_);
      at_ = end;
      if (at_ < text.size() && !Conversion()) return Value::Failure();
      if (!run_.SpendBytes(out_.size() / 16)) return Value::Failure();
    }
    bool tuple = values_.kind() == Kind::kTuple;
    // Whatever has items by key counts as a mapping, which may hold more than is used.
    bool mapping = values_.is_dict() || values_.is_sequence() || values_.undefined() ||
                   values_.kind() == Kind::kRange || values_.kind() == Kind::kBytes;
    bool unused = tuple ? next_ < values_.items().size() : next_ == 0 && !mapping;
    if (unused) return run_.Fail("TypeError: not all arguments converted during string formatting");
    return run_.String(out_.Take(), markup);
  }

 private:
  bool Fail(const std::string& what) { return run_.Fail(what), false; }
  char Peek() const { return at_ < format_.size() ? format_.view()[at_] : '\0'; }

  bool NextValue(Value& value) {
    if (named_) {
      value = named_value_;
      return true;
    }
    if (values_.kind() == Kind::kTuple) {
      if (next_ >= values_.items().size())
        return Fail("TypeError: not enough arguments for format string");
      value = values_.items()[next_++];
      return true;
    }
    if (next_++ > 0) return Fail("TypeError: not enough arguments for format string");
    value = values_;
    return true;
  }

  bool Number(int64_t& number) {
    if (Peek() == '*') {
      at_++;
      Value value;
      if (!NextValue(value)) return false;
      auto given = IntegerArgument(run_, value, "*");
      number = given.value_or(0);
      return given.has_value();
    }
    while (Peek() >= '0' && Peek() <= '9') {
      if (number < 0) number = 0;
      number = number * 10 + (Peek() - '0');
      if (number > static_cast<int64_t>(kMaxLiveBytes))
        return run_.FailBudget("a format is too wide"), false;
      at_++;
    }
    return true;
  }

  bool Name() {
    size_t start = ++at_;
    for (int depth = 1; depth > 0; at_++) {
      if (at_ >= format_.size()) return Fail("ValueError: incomplete format key");
      depth += Peek() == '(' ? 1 : Peek() == ')' ? -1 : 0;
    }
    if (!values_.is_dict()) return Fail("TypeError: format requires a mapping");
    std::string key(format_.view().substr(start, at_ - 1 - start));
    const Value* found = values_.dict().Find(std::string_view(key));
    if (found == nullptr) return Fail("KeyError: '" + key.substr(0, 60) + "'");
    named_ = true;
    named_value_ = *found;
    return true;
  }

  bool Conversion() {
    at_++;  // '%'
    named_ = false;
    left_ = zero_ = false;
    spec_ = {};
    if (Peek() == '(' && !Name()) return false;
    for (; std::string_view("-+ #0").find(Peek()) != std::string_view::npos && Peek() != '\0';
         at_++) {
      left_ |= Peek() == '-';
      zero_ |= Peek() == '0';
      spec_.alternate |= Peek() == '#';
      if (Peek() == '+' || (Peek() == ' ' && spec_.sign == '-')) spec_.sign = Peek();
    }
    width_ = -1;
    if (!Number(width_)) return false;
    if (width_ < -1) {
      left_ = true;
      width_ = -width_;
    }
    if (Peek() == '.') {
      at_++;
      spec_.precision = 0;
      if (!Number(spec_.precision)) return false;
    }
    while (Peek() == 'l' || Peek() == 'h' || Peek() == 'L') at_++;
    if (at_ >= format_.size()) return Fail("ValueError: incomplete format");
    char type = Peek();
    at_++;
    if (type == '%') return out_.Append("%", true), true;
    Value value;
    return NextValue(value) && Convert(type, value);
  }

  bool Convert(char type, const Value& value) {
    if (type == 's' || type == 'r' || type == 'a') return ConvertText(type, value);
    if (type == 'c') return ConvertCharacter(value);
    if (type == 'i' || type == 'u') type = 'd';
    if (std::string_view("dxXoeEfFgG").find(type) == std::string_view::npos)
      return Fail(std::string("ValueError: unsupported format character '") + type + "'");
    if (value.undefined()) return run_.UseUndefined(value), false;
    Value number = value;
    bool integral = std::string_view("dxXo").find(type) != std::string_view::npos;
    if (!IsNumber(value))
      return Fail(std::string("TypeError: %") + type + " format: a real number is required, not " +
                  std::string(TypeName(value)));
    if (integral && value.kind() == Kind::kFloat) {
      if (type != 'd')
        return Fail(std::string("TypeError: %") + type +
                    " format: an integer is required, not float");
      number = IntegerFromFloat(run_, value.floating());
      if (number.missing()) return Fail("OverflowError: cannot convert float infinity to integer");
    }
    spec_.type = type;
    auto formatted = FormatNumber(run_, number, spec_);
    if (!formatted) return false;
    std::string& digits = formatted->digits;
    if (integral && spec_.precision > static_cast<int64_t>(digits.size()))
      digits.insert(0, static_cast<size_t>(spec_.precision) - digits.size(), '0');
    int64_t size =
        static_cast<int64_t>(formatted->sign.size() + formatted->prefix.size() + digits.size());
    if (zero_ && !left_ && width_ > size) {
      if (!run_.SpendBytes(static_cast<size_t>(width_))) return false;
      digits.insert(0, static_cast<size_t>(width_ - size), '0');
    }
    return Put(TaintedString(formatted->sign + formatted->prefix + digits, true));
  }

  bool ConvertText(char type, const Value& value) {
    StringBuilder text;
    if (!(type == 's' ? run_.AppendText(text, value) : run_.AppendRepr(text, value))) return false;
    TaintedString whole = type == 'a' ? AsciiOnly(text.Take()) : text.Take();
    if (markup_ && !(value.is_string() && value.string().markup)) whole = EscapeHtml(whole);
    if (spec_.precision >= 0 && static_cast<size_t>(spec_.precision) < whole.size()) {
      size_t end = 0;
      for (int64_t i = 0; i < spec_.precision && end < whole.size(); i++)
        end += Decode(whole.view(), end).length;
      whole = Slice(whole, 0, end);
    }
    return Put(whole);
  }

  bool ConvertCharacter(const Value& value) {
    if (value.is_string() && CountCodePoints(value.text().view()) == 1) return Put(value.text());
    bool integer = value.kind() == Kind::kInt || value.kind() == Kind::kBool;
    if (!integer || value.integer() < 0 || value.integer() > 0x10FFFF ||
        (value.integer() >= 0xD800 && value.integer() < 0xE000))
      return Fail("TypeError: %c requires int or char");
    std::string text;
    AppendUtf8(text, static_cast<int32_t>(value.integer()));
    return Put(TaintedString(text, true));
  }

  bool Put(const TaintedString& text) {
    Value padded = Pad(run_, text, width_, TaintedString(" ", true), left_ ? '<' : '>');
    if (padded.failed()) return false;
    out_.Append(padded.text());
    return true;
  }

  Runtime& run_;
  const TaintedString& format_;
  const Value& values_;
  StringBuilder out_;
  size_t at_ = 0, next_ = 0;
  bool markup_ = false, named_ = false, left_ = false, zero_ = false;
  Value named_value_;
  int64_t width_ = -1;
  NumberSpec spec_;
};

}  // namespace

Value FormatPercent(Runtime& run, const Value& format, const Value& values) {
  if (!run.SpendBytes(format.text().size())) return Value::Failure();
  return PercentFormatter(run, format.text(), values).Run(format.string().markup);
}

}  // namespace ingle::jinja
