#include "jinja/format_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "jinja/numbers.h"

namespace ingle::jinja {
namespace {

constexpr int64_t kMaxPrecision = 400;

std::string FloatDigits(double magnitude, const NumberSpec& spec) {
  bool percent = spec.type == '%';
  char type = percent ? 'f' : spec.type;
  if (!std::isfinite(magnitude)) {
    std::string text = std::isnan(magnitude) ? "nan" : "inf";
    if (type >= 'A' && type <= 'Z')
      std::transform(text.begin(), text.end(), text.begin(),
                     [](char c) { return static_cast<char>(c - 32); });
    return percent ? text + "%" : text;
  }
  std::string format = std::string("%") + (spec.alternate ? "#" : "") + ".*" + type;
  std::string text(1100, '\0');
  int length = std::snprintf(text.data(), text.size(), format.c_str(),
                             static_cast<int>(spec.precision < 0 ? 6 : spec.precision),
                             percent ? magnitude * 100 : magnitude);
  text.resize(static_cast<size_t>(length));
  return percent ? text + "%" : text;
}

}  // namespace

void AddSeparators(std::string& digits, char separator, size_t group) {
  size_t end = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  for (size_t at = end; at > group;) {
    at -= group;
    digits.insert(at, 1, separator);
  }
}

std::optional<FormattedNumber> FormatNumber(Runtime& run, const Value& number,
                                            const NumberSpec& spec) {
  if (spec.precision > kMaxPrecision)
    return run.FailBudget("a number is formatted with too many digits"), std::nullopt;
  FormattedNumber result;
  bool negative = false;
  bool integral = std::string_view("dxXob").find(spec.type) != std::string_view::npos;
  if (integral) {
    int base = spec.type == 'd' ? 10 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 16;
    result.digits = IntegerText(run, number, base);
    if (run.failed()) return std::nullopt;
    negative = result.digits.starts_with('-');
    if (negative) result.digits.erase(0, 1);
    if (spec.alternate && base != 10) result.prefix = base == 16 ? "0x" : base == 8 ? "0o" : "0b";
    if (spec.type == 'X') {
      auto upper = [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); };
      std::transform(result.digits.begin(), result.digits.end(), result.digits.begin(), upper);
      std::transform(result.prefix.begin(), result.prefix.end(), result.prefix.begin(), upper);
    }
  } else {
    double value = ToDouble(number);
    if (number.is_integer() && std::isinf(value))
      return run.Fail("OverflowError: int too large to convert to float"), std::nullopt;
    negative = std::signbit(value) && !std::isnan(value);
    result.digits = FloatDigits(std::fabs(value), spec);
  }
  if (spec.separator != '\0')
    AddSeparators(result.digits, spec.separator, spec.type == 'd' || !integral ? 3 : 4);
  result.sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return result;
}

}  // namespace ingle::jinja
