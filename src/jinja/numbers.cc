#include "jinja/numbers.h"

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/limits.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace ingle::jinja {

using Big = boost::multiprecision::cpp_int;

// What one operation on integers beyond 64 bits counts: 256 limbs by 256 limbs at most.
constexpr int64_t kBigIntegerSteps = 300;

struct BigInt : Heap {
  Big number;
};

namespace {

Big BigOf(const Value& integer) {
  return integer.kind() == Kind::kBigInt ? integer.big().number : Big(integer.integer());
}

size_t Bits(const Big& number) {
  return number == 0 ? 0 : static_cast<size_t>(boost::multiprecision::msb(abs(number))) + 1;
}

// run may be null while a template is compiled.
Value FromBig(Runtime* run, Big number) {
  if (number >= std::numeric_limits<int64_t>::min() &&
      number <= std::numeric_limits<int64_t>::max())
    return Value::Int(static_cast<int64_t>(number));
  if (Bits(number) > kMaxIntegerBits) {
    if (run == nullptr) return Value();
    return run->FailBudget("an integer has more than " + std::to_string(kMaxIntegerBits) + " bits");
  }
  auto data = std::make_shared<BigInt>();
  data->number = std::move(number);
  return Value::Shared(Kind::kBigInt, std::move(data));
}

Value FloorDivide(Runtime& run, const Big& left, const Big& right, bool want_quotient) {
  Big quotient, remainder;
  divide_qr(left, right, quotient, remainder);
  if (remainder != 0 && (remainder < 0) != (right < 0)) {
    quotient -= 1;
    remainder += right;
  }
  return FromBig(&run, want_quotient ? std::move(quotient) : std::move(remainder));
}

// The nearest double to left / right, ties to even, as CPython's long_true_divide.
Value TrueDivide(Runtime& run, const Big& left, const Big& right) {
  if (left == 0) return Value::Float(right < 0 ? -0.0 : 0.0);
  bool negative = (left < 0) != (right < 0);
  Big a = abs(left), b = abs(right);
  // 64 quotient bits or more, the last one sticky, are enough for one correct rounding to 53.
  int shift = static_cast<int>(Bits(b)) - static_cast<int>(Bits(a)) + 64;
  if (shift > 0) a <<= shift;
  if (shift < 0) b <<= -shift;
  Big quotient, remainder;
  divide_qr(a, b, quotient, remainder);
  int excess = static_cast<int>(Bits(quotient)) - 53;
  int subnormal = -1074 - (-shift);  // Below this exponent a double has fewer bits.
  excess = std::max(excess, subnormal);
  Big kept = quotient >> excess;
  Big rest = quotient - (kept << excess);
  Big half = Big(1) << (excess - 1);
  if (rest > half || (rest == half && (remainder != 0 || bit_test(kept, 0)))) kept += 1;
  double result = std::ldexp(static_cast<double>(kept), excess - shift);
  if (std::isinf(result))
    return run.Fail("OverflowError: integer division result too large for a float");
  return Value::Float(negative ? -result : result);
}

Value IntegerPower(Runtime& run, const Value& base, const Value& exponent) {
  Big b = BigOf(base);
  if (exponent.kind() == Kind::kBigInt && abs(b) > 1) return run.FailBudget("a power is too large");
  int64_t e = exponent.kind() == Kind::kBigInt ? (Even(exponent) ? 2 : 1) : exponent.integer();
  if (abs(b) <= 1) return Value::Int(b == 0 ? (e == 0 ? 1 : 0) : b == 1 || e % 2 == 0 ? 1 : -1);
  if (static_cast<double>(e) * static_cast<double>(Bits(b) - 1) >
      static_cast<double>(kMaxIntegerBits))
    return run.FailBudget("an integer has more than " + std::to_string(kMaxIntegerBits) + " bits");
  return FromBig(&run, pow(b, static_cast<unsigned>(e)));
}

Value FloatPower(Runtime& run, double base, double exponent) {
  if (base == 0 && exponent < 0)
    return run.Fail("ZeroDivisionError: 0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) &&
      std::floor(exponent) != exponent)
    return run.Fail("a negative number to a fractional power is complex, which is not supported");
  double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
    return run.Fail("OverflowError: (34, 'Numerical result out of range')");
  return Value::Float(result);
}

Value FloatModulo(double left, double right, bool want_quotient) {
  double remainder = std::fmod(left, right);
  double quotient = (left - remainder) / right;
  if (remainder != 0) {
    if ((right < 0) != (remainder < 0)) {
      remainder += right;
      quotient -= 1;
    }
  } else {
    remainder = std::copysign(0.0, right);
  }
  if (!want_quotient) return Value::Float(remainder);
  if (quotient == 0) return Value::Float(std::copysign(0.0, left / right));
  double floor = std::floor(quotient);
  if (quotient - floor > 0.5) floor += 1;
  return Value::Float(floor);
}

Value CalculateFloats(Runtime& run, Arithmetic op, double left, double right) {
  switch (op) {
    case Arithmetic::kAdd: return Value::Float(left + right);
    case Arithmetic::kSubtract: return Value::Float(left - right);
    case Arithmetic::kMultiply: return Value::Float(left * right);
    case Arithmetic::kPower: return FloatPower(run, left, right);
    default: break;
  }
  if (right == 0) return run.Fail("ZeroDivisionError: float division by zero");
  if (op == Arithmetic::kDivide) return Value::Float(left / right);
  return FloatModulo(left, right, op == Arithmetic::kFloorDivide);
}

Value CalculateBig(Runtime& run, Arithmetic op, const Value& left, const Value& right) {
  if (!run.Spend(kBigIntegerSteps)) return Value::Failure();
  switch (op) {
    case Arithmetic::kAdd: return FromBig(&run, BigOf(left) + BigOf(right));
    case Arithmetic::kSubtract: return FromBig(&run, BigOf(left) - BigOf(right));
    case Arithmetic::kMultiply: return FromBig(&run, BigOf(left) * BigOf(right));
    case Arithmetic::kPower: return IntegerPower(run, left, right);
    default: break;
  }
  Big divisor = BigOf(right);
  if (divisor == 0) return run.Fail("ZeroDivisionError: integer division or modulo by zero");
  if (op == Arithmetic::kDivide) return TrueDivide(run, BigOf(left), divisor);
  return FloorDivide(run, BigOf(left), divisor, op == Arithmetic::kFloorDivide);
}

Ordering Compare(double left, double right) {
  if (std::isnan(left) || std::isnan(right)) return Ordering::kUnordered;
  return left < right ? Ordering::kLess : left > right ? Ordering::kGreater : Ordering::kEqual;
}

Ordering CompareIntegerToFloat(const Value& left, double right) {
  if (std::isnan(right)) return Ordering::kUnordered;
  if (std::isinf(right)) return right > 0 ? Ordering::kLess : Ordering::kGreater;
  double whole = std::trunc(right);
  Big a = BigOf(left), b(whole);
  if (a != b) return a < b ? Ordering::kLess : Ordering::kGreater;
  return Compare(whole, right);
}

}  // namespace

Ordering CompareNumbers(const Value& left, const Value& right) {
  bool left_float = left.kind() == Kind::kFloat, right_float = right.kind() == Kind::kFloat;
  if (left_float && right_float) return Compare(left.floating(), right.floating());
  if (right_float) return CompareIntegerToFloat(left, right.floating());
  if (left_float) {
    Ordering order = CompareIntegerToFloat(right, left.floating());
    if (order == Ordering::kLess) return Ordering::kGreater;
    return order == Ordering::kGreater ? Ordering::kLess : order;
  }
  if (left.kind() != Kind::kBigInt && right.kind() != Kind::kBigInt) {
    int64_t a = left.integer(), b = right.integer();
    return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
  }
  Big a = BigOf(left), b = BigOf(right);
  return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
}

Value Calculate(Runtime& run, Arithmetic op, const Value& left, const Value& right) {
  if (left.is_integer() && right.is_integer()) {
    bool small = left.kind() != Kind::kBigInt && right.kind() != Kind::kBigInt;
    int64_t a = left.integer(), b = right.integer(), result = 0;
    if (small && op == Arithmetic::kAdd && !__builtin_add_overflow(a, b, &result))
      return Value::Int(result);
    if (small && op == Arithmetic::kSubtract && !__builtin_sub_overflow(a, b, &result))
      return Value::Int(result);
    if (small && op == Arithmetic::kMultiply && !__builtin_mul_overflow(a, b, &result))
      return Value::Int(result);
    if (op != Arithmetic::kPower || CompareNumbers(right, Value::Int(0)) != Ordering::kLess)
      return CalculateBig(run, op, left, right);
  }
  double a = ToDouble(left), b = ToDouble(right);
  if ((left.is_integer() && std::isinf(a)) || (right.is_integer() && std::isinf(b)))
    return run.Fail("OverflowError: int too large to convert to float");
  return CalculateFloats(run, op, a, b);
}

Value Negate(Runtime& run, const Value& number) {
  if (number.kind() == Kind::kFloat) return Value::Float(-number.floating());
  return Calculate(run, Arithmetic::kSubtract, Value::Int(0), number);
}

Value Absolute(Runtime& run, const Value& number) {
  if (number.kind() == Kind::kFloat) return Value::Float(std::fabs(number.floating()));
  if (CompareNumbers(number, Value::Int(0)) == Ordering::kLess) return Negate(run, number);
  return number.kind() == Kind::kBool ? Value::Int(number.integer()) : number;
}

std::string IntegerText(Runtime& run, const Value& integer, int base) {
  if (integer.kind() != Kind::kBigInt) {
    char buffer[72];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, integer.integer(), base).ptr;
    return std::string(buffer, end);
  }
  if (!run.Spend(2 * kBigIntegerSteps)) return {};
  const Big& number = integer.big().number;
  std::string text;
  if (base == 10) {
    text = number.str();
    if (text.size() > kMaxIntegerDigits + (number < 0 ? 1 : 0)) {
      run.Fail("ValueError: an integer of more than " + std::to_string(kMaxIntegerDigits) +
               " digits cannot become text");
      return {};
    }
    return text;
  }
  for (Big rest = abs(number); rest != 0; rest /= base)
    text += "0123456789abcdef"[static_cast<size_t>(static_cast<unsigned>(rest % base))];
  if (number < 0) text += '-';
  std::reverse(text.begin(), text.end());
  return text;
}

double ToDouble(const Value& number) {
  if (number.kind() == Kind::kFloat) return number.floating();
  if (number.kind() != Kind::kBigInt) return static_cast<double>(number.integer());
  const Big& big = number.big().number;
  // cpp_int converts by truncation; round to nearest, ties to even, as Python does.
  Big magnitude = abs(big);
  int excess = static_cast<int>(Bits(magnitude)) - 53;
  Big kept = magnitude >> excess, rest = magnitude - (kept << excess),
      half = Big(1) << (excess - 1);
  if (rest > half || (rest == half && bit_test(kept, 0))) kept += 1;
  double result = std::ldexp(static_cast<double>(kept), excess);
  return big < 0 ? -result : result;
}

namespace {

int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// "0x" and the like, where the base allows; sets a base of 0.
bool TakePrefix(std::string_view& text, int& base) {
  int named = 0;
  if (text.size() >= 2 && text[0] == '0')
    named = (text[1] | 32) == 'x' ? 16 : (text[1] | 32) == 'o' ? 8 : (text[1] | 32) == 'b' ? 2 : 0;
  if (named != 0 && (base == 0 || base == named)) {
    base = named;
    text.remove_prefix(2);
    if (!text.empty() && text[0] == '_') text.remove_prefix(1);
    return true;
  }
  if (base == 0) {
    base = 10;
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

Value ParseInteger(Runtime* run, std::string_view text, int base) {
  text = StripSpace(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (!TakePrefix(text, base) || text.empty()) return Value();
  if (text.size() > 18 && run != nullptr &&
      !run->Spend(static_cast<int64_t>(std::min(text.size(), kMaxIntegerDigits) / 8 *
                                       (kBigIntegerSteps / 20))))
    return Value::Failure();
  Big number = 0;
  size_t digits = 0;
  bool after_digit = false;
  for (char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    int digit = DigitValue(c);
    if (digit >= base) return Value();
    if (++digits > kMaxIntegerDigits) return Value();
    number = number * base + digit;
    after_digit = true;
  }
  if (!after_digit) return Value();
  return FromBig(run, negative ? Big(-number) : std::move(number));
}

Value IntegerFromFloat(Runtime& run, double number) {
  if (!std::isfinite(number)) return Value();
  return FromBig(&run, Big(std::trunc(number)));
}

Value RoundNumber(Runtime& run, const Value& number, int64_t digits) {
  if (number.is_integer()) {
    if (digits >= 0) return number.kind() == Kind::kBool ? Value::Int(number.integer()) : number;
    if (digits < -static_cast<int64_t>(kMaxIntegerDigits)) return Value::Int(0);
    Big unit = pow(Big(10), static_cast<unsigned>(-digits)), value = BigOf(number);
    Big magnitude = abs(value), quotient = magnitude / unit, twice = (magnitude % unit) * 2;
    if (twice > unit || (twice == unit && bit_test(quotient, 0))) quotient += 1;
    Big rounded = quotient * unit;
    return FromBig(&run, value < 0 ? Big(-rounded) : rounded);
  }
  double value = number.floating();
  if (!std::isfinite(value) || digits > 323) return number;
  if (digits < -308) return Value::Float(value * 0.0);
  if (digits < 0) {
    Value whole = RoundNumber(run, IntegerFromFloat(run, std::trunc(value)), digits);
    return Value::Float(std::copysign(ToDouble(whole), value));
  }
  std::string text(
      700, '\0');  // printf rounds the exact binary value, ties to even, as CPython's dtoa does.
  int length = std::snprintf(text.data(), text.size(), "%.*f", static_cast<int>(digits), value);
  text.resize(static_cast<size_t>(length));
  return Value::Float(std::strtod(text.c_str(), nullptr));
}

bool Even(const Value& integer) {
  return integer.kind() == Kind::kBigInt ? !bit_test(abs(integer.big().number), 0)
                                         : integer.integer() % 2 == 0;
}

int64_t BitLength(const Value& integer) { return static_cast<int64_t>(Bits(BigOf(integer))); }

}  // namespace ingle::jinja
