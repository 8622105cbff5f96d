#pragma once
// Python's numbers: integers of any size (within limits.h), floats, and the operators on them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jinja/value.h"

namespace ingle::jinja {

class Runtime;

enum class Ordering : uint8_t { kLess, kEqual, kGreater, kUnordered };

inline bool IsNumber(const Value& value) {
  return value.is_integer() || value.kind() == Kind::kFloat;
}
Ordering CompareNumbers(const Value& left, const Value& right);

enum class Arithmetic : uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower
};

// Both are numbers. Fails the run on division by zero and the like.
Value Calculate(Runtime& run, Arithmetic op, const Value& left, const Value& right);
Value Negate(Runtime& run, const Value& number);
Value Absolute(Runtime& run, const Value& number);

std::string FloatRepr(double number);
std::string IntegerText(Runtime& run, const Value& integer,
                        int base);  // Lower case, no prefix. Empty on failure.

double ToDouble(const Value& number);  // Infinity when a big integer does not fit.
// int(text, base) with Python's rules on spaces, signs, prefixes and underscores; kMissing when it
// is not a number.
Value ParseInteger(Runtime* run, std::string_view text, int base);
std::optional<double> ParseFloat(std::string_view text);
Value IntegerFromFloat(Runtime& run, double number);  // Truncates. kMissing for infinities and NaN.
// round(): half to even; an int stays an int.
Value RoundNumber(Runtime& run, const Value& number, int64_t digits);
bool Even(const Value& integer);
int64_t BitLength(const Value& integer);

}  // namespace ingle::jinja
