#include <cmath>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

Value AbsFilter(Runtime& run, const Arguments& arguments) {
  if (!IsNumber(arguments[0]))
    return run.Fail("TypeError: bad operand type for abs(): '" +
                    std::string(TypeName(arguments[0])) + "'");
  return Absolute(run, arguments[0]);
}

Value IntFilter(Runtime& run, const Arguments& arguments) {
  const Value& value = arguments[0];
  Value otherwise = arguments[1].missing() ? Value::Int(0) : arguments[1];
  if (value.undefined()) return run.UseUndefined(value);
  if (value.is_integer()) return value.kind() == Kind::kBool ? Value::Int(value.integer()) : value;
  double number = 0;
  if (value.kind() == Kind::kFloat) {
    if (std::isinf(value.floating()))
      return run.Fail("OverflowError: cannot convert float infinity to integer");
    number = value.floating();
  } else if (value.is_string()) {
    int64_t base = 10;
    if (!arguments[2].missing()) {
      auto given = IntegerArgument(run, arguments[2], "base");
      if (!given) return Value::Failure();
      base = *given;
    }
    bool valid_base = base == 0 || (base >= 2 && base <= 36);
    Value parsed =
        valid_base ? ParseInteger(&run, value.text().view(), static_cast<int>(base)) : Value();
    if (!parsed.missing()) return parsed;
    auto floating = ParseFloat(value.text().view());
    if (!floating) return otherwise;
    number = *floating;
  } else {
    return otherwise;
  }
  Value whole = IntegerFromFloat(run, number);
  return whole.missing() ? otherwise : whole;
}

Value FloatFilter(Runtime& run, const Arguments& arguments) {
  const Value& value = arguments[0];
  if (value.undefined()) return run.UseUndefined(value);
  if (IsNumber(value)) {
    double number = ToDouble(value);
    if (value.is_integer() && std::isinf(number))
      return run.Fail("OverflowError: int too large to convert to float");
    return Value::Float(number);
  }
  if (value.is_string()) {
    auto parsed = ParseFloat(value.text().view());
    if (parsed) return Value::Float(*parsed);
  }
  return arguments[1].missing() ? Value::Float(0.0) : arguments[1];
}

Value RoundFilter(Runtime& run, const Arguments& arguments) {
  const Value& value = arguments[0];
  // round(x, None) gives an integer, and leaves integers as they are.
  if (arguments[1].none() && arguments[2].missing() && IsNumber(value)) {
    if (value.is_integer()) return RoundNumber(run, value, 0);
    INGLE_JINJA_TRY(rounded, RoundNumber(run, value, 0));
    Value whole = IntegerFromFloat(run, rounded.floating());
    return whole.missing() ? run.Fail("OverflowError: cannot round to an integer") : whole;
  }
  auto precision = arguments[1].missing() ? std::optional<int64_t>(0)
                                          : IntegerArgument(run, arguments[1], "precision");
  if (!precision) return Value::Failure();
  std::string_view method = arguments[2].is_string() ? arguments[2].text().view()
                            : arguments[2].missing() ? "common"
                                                     : "";
  if (method != "common" && method != "ceil" && method != "floor")
    return run.Fail("method must be common, ceil or floor");
  if (!IsNumber(value))
    return run.Fail("TypeError: type " + std::string(TypeName(value)) + " cannot be rounded");
  if (method == "common") return RoundNumber(run, value, *precision);
  INGLE_JINJA_TRY(unit, Calculate(run, Arithmetic::kPower, Value::Int(10), Value::Int(*precision)));
  INGLE_JINJA_TRY(scaled, Calculate(run, Arithmetic::kMultiply, value, unit));
  Value whole = scaled;
  if (scaled.kind() == Kind::kFloat)
    whole = IntegerFromFloat(
        run, method == "ceil" ? std::ceil(scaled.floating()) : std::floor(scaled.floating()));
  if (whole.missing()) return run.Fail("OverflowError: cannot convert float infinity to integer");
  if (whole.failed()) return whole;
  return Calculate(run, Arithmetic::kDivide, whole, unit);
}

constexpr Filter kFilters[] = {
    {"abs", {"/x", 1}, &AbsFilter},
    {"float", {"value default", 1}, &FloatFilter},
    {"int", {"value default base", 1}, &IntFilter},
    {"round", {"value precision method", 1}, &RoundFilter},
};

}  // namespace

std::span<const Filter> NumberFilters() { return kFilters; }

}  // namespace ingle::jinja
