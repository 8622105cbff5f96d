// Methods of int and float.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

Value BitLengthMethod(Runtime&, const Value& self, const Arguments&) {
  return Value::Int(BitLength(self));
}

Value BitCountMethod(Runtime& run, const Value& self, const Arguments&) {
  std::string bits = IntegerText(run, self, 2);
  return run.failed() ? Value::Failure() : Value::Int(std::count(bits.begin(), bits.end(), '1'));
}

Value PlainNumber(const Value& number) {
  return number.kind() == Kind::kBool ? Value::Int(number.integer()) : number;
}

Value ConjugateMethod(Runtime&, const Value& self, const Arguments&) { return PlainNumber(self); }

Value IntegerRatio(Runtime& run, const Value& self, const Arguments&) {
  return run.Tuple({PlainNumber(self), Value::Int(1)});
}

Value FloatRatio(Runtime& run, const Value& self, const Arguments&) {
  if (!std::isfinite(self.floating()))
    return run.Fail("OverflowError: an infinite number or NaN has no integer ratio");
  int exponent = 0;
  double fraction = std::frexp(self.floating(), &exponent);
  auto mantissa = static_cast<int64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  while (mantissa != 0 && mantissa % 2 == 0) {
    mantissa /= 2;
    exponent++;
  }
  if (mantissa == 0) exponent = 0;
  INGLE_JINJA_TRY(scale, Calculate(run, Arithmetic::kPower, Value::Int(2),
                                   Value::Int(exponent < 0 ? -exponent : exponent)));
  if (exponent < 0) return run.Tuple({Value::Int(mantissa), scale});
  INGLE_JINJA_TRY(number, Calculate(run, Arithmetic::kMultiply, Value::Int(mantissa), scale));
  return run.Tuple({number, Value::Int(1)});
}

// The argument byteorder; '\0' after failing the run.
char ByteOrder(Runtime& run, const Value& argument) {
  if (argument.missing()) return 'b';
  std::string_view name = argument.is_string() ? argument.text().view() : std::string_view();
  if (name == "big" || name == "little") return name[0];
  return run.Fail("ValueError: byteorder must be either 'little' or 'big'"), '\0';
}

Value ToBytesMethod(Runtime& run, const Value& self, const Arguments& arguments) {
  auto length = arguments[0].missing() ? std::optional<int64_t>(1)
                                       : IntegerArgument(run, arguments[0], "length");
  char order = ByteOrder(run, arguments[1]);
  if (!length || order == '\0') return Value::Failure();
  if (*length < 0) return run.Fail("ValueError: length argument must be non-negative");
  if (Truthy(arguments[2])) return run.Fail("signed bytes of an integer are not supported here");
  if (CompareNumbers(self, Value::Int(0)) == Ordering::kLess)
    return run.Fail("OverflowError: can't convert negative int to unsigned");
  if (BitLength(self) > *length * 8) return run.Fail("OverflowError: int too big to convert");
  if (!run.SpendBytes(static_cast<size_t>(*length))) return Value::Failure();
  std::string hex = IntegerText(run, self, 16), bytes;
  if (hex.size() % 2 != 0) hex.insert(0, 1, '0');
  if (BitLength(self) == 0) hex.clear();
  for (size_t at = 0; at < hex.size(); at += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
  bytes.insert(0, static_cast<size_t>(*length) - bytes.size(), '\0');
  if (order == 'l') std::reverse(bytes.begin(), bytes.end());
  return MakeBytes(run, TaintedString(std::move(bytes), true));
}

Value FloatHex(Runtime& run, const Value& self, const Arguments&) {
  double number = self.floating();
  if (!std::isfinite(number)) return run.String(FloatRepr(number));
  char text[48];
  std::snprintf(text, sizeof text, number == 0 ? "%.1a" : "%.13a", number);
  return run.String(text);
}

Value IsWhole(Runtime&, const Value& self, const Arguments&) {
  return Value::Bool(std::isfinite(self.floating()) &&
                     std::floor(self.floating()) == self.floating());
}

// Constructors that Python shows on every number; no template can need them.
Value NotHere(Runtime& run, const Value&, const Arguments&) {
  return run.Fail("from_bytes and fromhex are not supported here");
}

constexpr Method kInteger[] = {
    {"as_integer_ratio", {"", 0}, &IntegerRatio},
    {"bit_count", {"", 0}, &BitCountMethod},
    {"bit_length", {"", 0}, &BitLengthMethod},
    {"conjugate", {"", 0}, &ConjugateMethod},
    {"from_bytes", {"*", 0}, &NotHere},
    {"to_bytes", {"length byteorder signed", 0}, &ToBytesMethod},
};
constexpr Method kFloat[] = {
    {"as_integer_ratio", {"", 0}, &FloatRatio},
    {"conjugate", {"", 0}, &ConjugateMethod},
    {"fromhex", {"*", 0}, &NotHere},
    {"hex", {"", 0}, &FloatHex},
    {"is_integer", {"", 0}, &IsWhole},
};

}  // namespace

std::span<const Method> IntegerMethods() { return kInteger; }
std::span<const Method> FloatMethods() { return kFloat; }

}  // namespace ingle::jinja
