// What `is` can ask.

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

template <bool (*holds)(const Value&)>
Value Holds(Runtime&, const Arguments& arguments) {
  return Value::Bool(holds(arguments[0]));
}

bool IsDefined(const Value& value) { return !value.undefined(); }
bool IsUndefined(const Value& value) { return value.undefined(); }
bool IsNone(const Value& value) { return value.none(); }
bool IsBoolean(const Value& value) { return value.kind() == Kind::kBool; }
bool IsFalse(const Value& value) { return value.kind() == Kind::kBool && !value.boolean(); }
bool IsTrue(const Value& value) { return value.kind() == Kind::kBool && value.boolean(); }
bool IsInteger(const Value& value) { return value.is_integer() && value.kind() != Kind::kBool; }
bool IsFloat(const Value& value) { return value.kind() == Kind::kFloat; }
bool IsAnyNumber(const Value& value) { return IsNumber(value); }
bool IsText(const Value& value) { return value.is_string(); }
bool IsMapping(const Value& value) { return value.is_dict(); }
bool IsEscaped(const Value& value) { return value.is_string() && value.string().markup; }
bool IsSequence(const Value& value) {
  return value.undefined() || value.is_string() || value.is_sequence() || value.is_dict() ||
         value.kind() == Kind::kRange || value.kind() == Kind::kBytes;
}
bool IsIterable(const Value& value) {
  return IsSequence(value) || value.kind() == Kind::kView || value.kind() == Kind::kIterator ||
         value.kind() == Kind::kLoop;
}
bool IsCallable(const Value& value) {
  return value.undefined() || value.kind() == Kind::kMacro || value.kind() == Kind::kFunction ||
         value.kind() == Kind::kMethod || value.kind() == Kind::kJoiner ||
         value.kind() == Kind::kLoop;
}

Value Modulo(Runtime& run, const Value& value, const Value& divisor) {
  return run.Operate(static_cast<int>(Arithmetic::kModulo), value, divisor);
}

template <int wanted>
Value ModuloTest(Runtime& run, const Arguments& arguments) {
  INGLE_JINJA_TRY(rest, Modulo(run, arguments[0], Value::Int(2)));
  return Value::Bool(Equal(rest, Value::Int(wanted)));
}

Value DivisibleBy(Runtime& run, const Arguments& arguments) {
  INGLE_JINJA_TRY(rest, Modulo(run, arguments[0], arguments[1]));
  return Value::Bool(Equal(rest, Value::Int(0)));
}

template <bool equal>
Value EqualTest(Runtime&, const Arguments& arguments) {
  return Value::Bool(Equal(arguments[0], arguments[1]) == equal);
}

template <int sign, bool or_equal>
Value OrderTest(Runtime& run, const Arguments& arguments) {
  auto order = run.Order(arguments[0], arguments[1], sign < 0 ? "<" : ">");
  if (run.failed()) return Value::Failure();
  return Value::Bool(order && (*order * sign > 0 || (or_equal && *order == 0)));
}

Value SameAs(Runtime&, const Arguments& arguments) {
  const Value& a = arguments[0];
  const Value& b = arguments[1];
  if (a.kind() != b.kind()) return Value::Bool(false);
  if (a.kind() == Kind::kBool || a.kind() == Kind::kInt)
    return Value::Bool(a.integer() == b.integer());
  if (a.kind() == Kind::kNone) return Value::Bool(true);
  if (a.is_string()) return Value::Bool(Equal(a, b));  // CPython shares equal short texts, mostly.
  return Value::Bool(a.identity() != nullptr && a.identity() == b.identity());
}

Value InTest(Runtime& run, const Arguments& arguments) {
  return run.Contains(arguments[0], arguments[1]);
}

template <bool upper>
Value CaseTest(Runtime& run, const Arguments& arguments) {
  INGLE_JINJA_TRY(text, run.TextValue(arguments[0]));
  return FindMethod(text, upper ? "isupper" : "islower")->run(run, text, {});
}

Value FilterTest(Runtime& run, const Arguments& arguments) {
  if (!Hashable(arguments[0]))
    return run.Fail("TypeError: unhashable type: '" + std::string(TypeName(arguments[0])) + "'");
  return Value::Bool(arguments[0].is_string() && FindFilter(arguments[0].text().view()) != nullptr);
}

Value TestTest(Runtime& run, const Arguments& arguments) {
  if (!Hashable(arguments[0]))
    return run.Fail("TypeError: unhashable type: '" + std::string(TypeName(arguments[0])) + "'");
  return Value::Bool(arguments[0].is_string() && FindTest(arguments[0].text().view()) != nullptr);
}

constexpr Signature kOne{"value", 1}, kTwo{"/a /b", 2};

constexpr Test kTests[] = {
    {"!=", kTwo, &EqualTest<false>},
    {"<", kTwo, &OrderTest<-1, false>},
    {"<=", kTwo, &OrderTest<-1, true>},
    {"==", kTwo, &EqualTest<true>},
    {">", kTwo, &OrderTest<1, false>},
    {">=", kTwo, &OrderTest<1, true>},
    {"boolean", kOne, &Holds<IsBoolean>},
    {"callable", kOne, &Holds<IsCallable>},
    {"defined", kOne, &Holds<IsDefined>},
    {"divisibleby", {"value num", 2}, &DivisibleBy},
    {"eq", kTwo, &EqualTest<true>},
    {"equalto", kTwo, &EqualTest<true>},
    {"escaped", kOne, &Holds<IsEscaped>},
    {"even", kOne, &ModuloTest<0>},
    {"false", kOne, &Holds<IsFalse>},
    {"filter", kOne, &FilterTest},
    {"float", kOne, &Holds<IsFloat>},
    {"ge", kTwo, &OrderTest<1, true>},
    {"greaterthan", kTwo, &OrderTest<1, false>},
    {"gt", kTwo, &OrderTest<1, false>},
    {"in", {"value seq", 2}, &InTest},
    {"integer", kOne, &Holds<IsInteger>},
    {"iterable", kOne, &Holds<IsIterable>},
    {"le", kTwo, &OrderTest<-1, true>},
    {"lessthan", kTwo, &OrderTest<-1, false>},
    {"lower", kOne, &CaseTest<false>},
    {"lt", kTwo, &OrderTest<-1, false>},
    {"mapping", kOne, &Holds<IsMapping>},
    {"ne", kTwo, &EqualTest<false>},
    {"none", kOne, &Holds<IsNone>},
    {"number", kOne, &Holds<IsAnyNumber>},
    {"odd", kOne, &ModuloTest<1>},
    {"sameas", {"value other", 2}, &SameAs},
    {"sequence", kOne, &Holds<IsSequence>},
    {"string", kOne, &Holds<IsText>},
    {"test", kOne, &TestTest},
    {"true", kOne, &Holds<IsTrue>},
    {"undefined", kOne, &Holds<IsUndefined>},
    {"upper", kOne, &CaseTest<true>},
};

}  // namespace

std::span<const Test> Tests() { return kTests; }

}  // namespace ingle::jinja
