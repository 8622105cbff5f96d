// Expressions of a running template.

#include <algorithm>
#include <cmath>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace ingle::jinja {

Value Runtime::EvaluateInner(const Node& node) {
  switch (node.type) {
    case NodeType::kConstant: return node.constant;
    case NodeType::kName: return Lookup(node.name);
    case NodeType::kTuple:
    case NodeType::kList: return EvaluateSequence(node);
    case NodeType::kDict: return EvaluateDict(node);
    case NodeType::kConditional: return EvaluateConditional(node);
    case NodeType::kOr:
    case NodeType::kAnd: {
      Value left = Evaluate(*node.a);
      if (left.failed() || Truthy(left) == (node.type == NodeType::kOr)) return left;
      return Evaluate(*node.b);
    }
    case NodeType::kNot: {
      INGLE_JINJA_TRY(value, Evaluate(*node.a));
      return Value::Bool(!Truthy(value));
    }
    case NodeType::kCompare: return EvaluateCompare(node);
    case NodeType::kArithmetic: {
      INGLE_JINJA_TRY(left, Evaluate(*node.a));
      INGLE_JINJA_TRY(right, Evaluate(*node.b));
      return Operate(node.arithmetic, left, right);
    }
    case NodeType::kConcat: return EvaluateConcat(node);
    case NodeType::kNegate:
    case NodeType::kPositive: return EvaluateUnary(node);
    case NodeType::kAttribute: {
      INGLE_JINJA_TRY(object, Evaluate(*node.a));
      return GetAttribute(object, node.text);
    }
    case NodeType::kItem: {
      INGLE_JINJA_TRY(object, Evaluate(*node.a));
      INGLE_JINJA_TRY(key, Evaluate(*node.b));
      return GetItem(object, key);
    }
    case NodeType::kSlice: return EvaluateSlice(node);
    case NodeType::kCall: return EvaluateCallWith(node, nullptr);
    case NodeType::kFilter: return EvaluateFilter(node, nullptr);
    case NodeType::kTest: return EvaluateTest(node);
    default: return Fail("this cannot be evaluated");
  }
}

Value Runtime::EvaluateSequence(const Node& node) {
  std::vector<Value> items;
  items.reserve(node.list.size());
  for (const Node* child : node.list) {
    // A slice among several subscripts: no container of a template takes it.
    if (child->type == NodeType::kSlice && child->a == nullptr)
      return Undefined("there is no such element");
    items.push_back(Evaluate(*child));
    if (items.back().failed()) return Value::Failure();
  }
  return Sequence(node.type == NodeType::kTuple ? Kind::kTuple : Kind::kList, std::move(items));
}

Value Runtime::EvaluateDict(const Node& node) {
  auto dict = std::make_shared<DictData>();
  for (size_t i = 0; i + 1 < node.list.size(); i += 2) {
    INGLE_JINJA_TRY(key, Evaluate(*node.list[i]));
    INGLE_JINJA_TRY(value, Evaluate(*node.list[i + 1]));
    if (!Hashable(key))
      return Fail("TypeError: unhashable type: '" + std::string(TypeName(key)) + "'");
    if (!Spend(static_cast<int64_t>(i / 8 + 1))) return Value::Failure();
    dict->Insert(std::move(key), std::move(value));
  }
  return Dict(std::move(dict));
}

Value Runtime::EvaluateConditional(const Node& node) {
  INGLE_JINJA_TRY(test, Evaluate(*node.b));
  if (Truthy(test)) return Evaluate(*node.a);
  if (node.c != nullptr) return Evaluate(*node.c);
  return Undefined("the inline if-expression on line " + std::to_string(node.line) +
                   " evaluated to false and no else section was defined");
}

Value Runtime::EvaluateCompare(const Node& node) {
  INGLE_JINJA_TRY(left, Evaluate(*node.a));
  Value result;
  for (size_t i = 0; i < node.list.size(); i++) {
    INGLE_JINJA_TRY(right, Evaluate(*node.list[i]));
    result = CompareValues(node.operators[i], left, right);
    if (result.failed() || !Truthy(result)) return result;
    left = std::move(right);
  }
  return result;
}

Value Runtime::CompareValues(Comparison op, const Value& left, const Value& right) {
  if (left.is_string() && right.is_string() &&
      !Spend(
          static_cast<int64_t>(std::min(left.text().size(), right.text().size()) / kBytesPerStep)))
    return Value::Failure();
  switch (op) {
    case Comparison::kEqual: return Value::Bool(Equal(left, right));
    case Comparison::kNotEqual: return Value::Bool(!Equal(left, right));
    case Comparison::kIn: return Contains(left, right);
    case Comparison::kNotIn: {
      INGLE_JINJA_TRY(found, Contains(left, right));
      return Value::Bool(!found.boolean());
    }
    default: break;
  }
  static constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
  std::optional<int> order = Order(left, right, kSigns[static_cast<size_t>(op)]);
  if (failed()) return Value::Failure();
  if (!order) return Value::Bool(false);
  switch (op) {
    case Comparison::kLess: return Value::Bool(*order < 0);
    case Comparison::kLessEqual: return Value::Bool(*order <= 0);
    case Comparison::kGreater: return Value::Bool(*order > 0);
    default: return Value::Bool(*order >= 0);
  }
}

std::optional<int> Runtime::Order(const Value& left, const Value& right, std::string_view op) {
  if (left.undefined() || right.undefined()) {
    UseUndefined(left.undefined() ? left : right);
    return std::nullopt;
  }
  if (IsNumber(left) && IsNumber(right)) {
    Ordering order = CompareNumbers(left, right);
    if (order == Ordering::kUnordered) return std::nullopt;
    return order == Ordering::kLess ? -1 : order == Ordering::kGreater ? 1 : 0;
  }
  if (left.is_string() && right.is_string() &&
      !Spend(
          static_cast<int64_t>(std::min(left.text().size(), right.text().size()) / kBytesPerStep)))
    return std::nullopt;
  if (left.is_string() && right.is_string()) return left.text().view().compare(right.text().view());
  if (left.is_sequence() && left.kind() == right.kind()) {
    const auto& a = left.items();
    const auto& b = right.items();
    for (size_t i = 0; i < std::min(a.size(), b.size()); i++) {
      if (!Spend(1)) return std::nullopt;
      if (!Equal(a[i], b[i])) return Order(a[i], b[i], op);
    }
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
  }
  Fail("TypeError: '" + std::string(op) + "' not supported between instances of '" +
       std::string(TypeName(left)) + "' and '" + std::string(TypeName(right)) + "'");
  return std::nullopt;
}

Value Runtime::Contains(const Value& item, const Value& container) {
  if (item.is_string() && !Spend(static_cast<int64_t>(item.text().size() / kBytesPerStep)))
    return Value::Failure();
  if (container.is_string()) {
    if (!item.is_string())
      return Fail("TypeError: 'in <string>' requires string as left operand, not " +
                  std::string(TypeName(item)));
    if (!SpendBytes(container.text().size() / 8)) return Value::Failure();
    return Value::Bool(FindBytes(container.text().view(), item.text().view(), 0) !=
                       std::string_view::npos);
  }
  if (container.is_dict() ||
      (container.kind() == Kind::kView && container.view().part == ViewData::Part::kKeys)) {
    if (!Hashable(item))
      return Fail("TypeError: unhashable type: '" + std::string(TypeName(item)) + "'");
    const DictData& dict = container.is_dict() ? container.dict() : container.view().dict.dict();
    if (!Spend(static_cast<int64_t>(dict.entries.size() / 16))) return Value::Failure();
    return Value::Bool(dict.Find(item) != nullptr);
  }
  if (container.kind() == Kind::kNamespace ||
      !(container.undefined() || container.is_sequence() || container.kind() == Kind::kRange ||
        container.kind() == Kind::kView || container.kind() == Kind::kIterator))
    return Fail("TypeError: argument of type '" + std::string(TypeName(container)) +
                "' is not iterable");
  Cursor cursor = Iterate(container);
  while (true) {
    INGLE_JINJA_TRY(candidate, cursor.Next(*this));
    if (candidate.missing()) return Value::Bool(false);
    bool same = candidate.kind() == item.kind() && candidate.identity() != nullptr &&
                candidate.identity() == item.identity();
    if (same || Equal(candidate, item)) return Value::Bool(true);
  }
}

Value Runtime::EvaluateConcat(const Node& node) {
  StringBuilder out;
  if (node.escaping == Escaping::kAlways && !IsConstant(node)) return ConcatMarkup(node);
  for (const Node* child : node.list) {
    INGLE_JINJA_TRY(value, Evaluate(*child));
    if (value.is_string() && !SpendBytes(out.size() + value.text().size())) return Value::Failure();
    if (!AppendText(out, value)) return Value::Failure();
  }
  return String(out.Take());
}

// Where text is escaped, one part that is HTML makes the whole HTML and escapes the others.
Value Runtime::ConcatMarkup(const Node& node) {
  std::vector<Value> parts;
  bool markup = false;
  for (const Node* child : node.list) {
    parts.push_back(Evaluate(*child));
    if (parts.back().failed()) return Value::Failure();
    markup |= parts.back().is_string() && parts.back().string().markup;
  }
  StringBuilder out;
  for (const Value& part : parts) {
    auto text = Text(part);
    if (!text || !SpendBytes(out.size() / 8 + text->size())) return Value::Failure();
    bool escape = markup && !(part.is_string() && part.string().markup);
    out.Append(escape ? EscapeHtml(*text) : *text);
  }
  return String(out.Take(), markup);
}

bool IsConstant(const Node& node) {
  bool constant = node.type != NodeType::kName && node.type != NodeType::kCall;
  constexpr std::string_view kNeedContext[] = {"map", "select", "selectattr", "reject",
                                               "rejectattr"};
  if (node.type == NodeType::kFilter)
    constant = std::find(std::begin(kNeedContext), std::end(kNeedContext), node.text) ==
               std::end(kNeedContext);
  ForEachChild(node, [&](const Node& child) { constant = constant && IsConstant(child); });
  return constant;
}

namespace {

bool Sliceable(const Value& value) {
  return value.undefined() || value.is_string() || value.is_sequence() ||
         value.kind() == Kind::kRange || value.kind() == Kind::kBytes;
}

}  // namespace

Value Runtime::EvaluateSlice(const Node& node) {
  if (node.a == nullptr) return Fail("TypeError: a slice stands where an element is expected");
  INGLE_JINJA_TRY(object, Evaluate(*node.a));
  Value parts[3];
  for (size_t i = 0; i < 3; i++) {
    parts[i] = node.list[i] == nullptr ? Value::None() : Evaluate(*node.list[i]);
    if (parts[i].failed()) return Value::Failure();
  }
  // Constants are sliced with the lenient rules of x[key], everything else with Python's own.
  bool fits = Sliceable(object);
  for (const Value& part : parts) fits = fits && (part.none() || part.is_integer());
  if (!fits && !object.undefined() && IsConstant(node))
    return Undefined("'" + std::string(TypeName(object)) + " object' cannot be sliced");
  return GetSlice(object, parts[0], parts[1], parts[2]);
}

Value Runtime::EvaluateUnary(const Node& node) {
  INGLE_JINJA_TRY(value, Evaluate(*node.a));
  bool negate = node.type == NodeType::kNegate;
  if (value.undefined()) return UseUndefined(value);
  if (!IsNumber(value))
    return Fail(std::string("TypeError: bad operand type for unary ") + (negate ? "-" : "+") +
                ": '" + std::string(TypeName(value)) + "'");
  if (negate) return Negate(*this, value);
  return value.kind() == Kind::kBool ? Value::Int(value.integer()) : value;
}

bool Runtime::EvaluateArguments(const Node& node, Arguments& arguments) {
  arguments.positional.reserve(arguments.positional.size() + node.list.size());
  auto add = [&](Value value) {
    arguments.positional.push_back(std::move(value));
    return !arguments.positional.back().failed();
  };
  auto add_named = [&](const std::string& name, Value value) {
    for (const auto& named : arguments.named)
      if (named.first == name)
        return Fail("TypeError: got multiple values for keyword argument '" + name + "'"), false;
    arguments.named.emplace_back(name, std::move(value));
    return !arguments.named.back().second.failed();
  };
  for (const Node* child : node.list)
    if (!add(Evaluate(*child))) return false;
  if (node.spread != nullptr) {
    Value more = Evaluate(*node.spread);
    auto items = more.failed() ? std::nullopt : Items(more);
    if (!items) return false;
    for (Value& item : *items) add(std::move(item));
  }
  for (const auto& [name, child] : node.keywords)
    if (!add_named(name, Evaluate(*child))) return false;
  if (node.spread_named != nullptr) {
    Value more = Evaluate(*node.spread_named);
    if (more.failed()) return false;
    if (!more.is_dict()) return Fail("TypeError: the argument after ** must be a mapping"), false;
    for (const auto& [key, value] : more.dict().entries) {
      if (!Spend(static_cast<int64_t>(arguments.named.size() / 8 + 1))) return false;
      if (!key.is_string()) return Fail("TypeError: keywords must be strings"), false;
      if (!add_named(key.text().bytes(), value)) return false;
    }
  }
  return true;
}

Value Runtime::EvaluateCallWith(const Node& node, const Value* caller) {
  Value self, callee;
  const Method* method = nullptr;
  if (node.a->type == NodeType::kAttribute) {  // x.name(...): without making a bound method first.
    self = Evaluate(*node.a->a);
    if (self.failed()) return self;
    method = FindMethod(self, node.a->text);
    if (method == nullptr) callee = GetAttribute(self, node.a->text);
  } else {
    callee = Evaluate(*node.a);
  }
  if (callee.failed()) return callee;
  Arguments arguments;
  if (!EvaluateArguments(node, arguments)) return Value::Failure();
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  line_ = node.line;
  if (method == nullptr) return Call(callee, arguments);
  if (!Bind(*this, method->name, method->signature, arguments)) return Value::Failure();
  return method->run(*this, self, arguments);
}

Value Runtime::Call(const Value& callee, Arguments& arguments) {
  switch (callee.kind()) {
    case Kind::kUndefined: return UseUndefined(callee);
    case Kind::kMacro: return CallMacro(*callee.macro(), arguments);
    case Kind::kFunction:
      if (!Bind(*this, callee.function()->name, callee.function()->signature, arguments))
        return Value::Failure();
      return callee.function()->run(*this, arguments);
    case Kind::kMethod:
      if (!Bind(*this, callee.method().method->name, callee.method().method->signature, arguments))
        return Value::Failure();
      return callee.method().method->run(*this, callee.method().self, arguments);
    case Kind::kLoop:
      if (!Bind(*this, "loop", {"iterable", 1}, arguments)) return Value::Failure();
      return CallLoop(callee.loop(), arguments[0]);
    case Kind::kJoiner: {
      bool first = !std::exchange(callee.joiner().used, true);
      return first ? String("") : callee.joiner().separator;
    }
    default:
      return Fail("TypeError: '" + std::string(TypeName(callee)) + "' object is not callable");
  }
}

Value Runtime::EvaluateFilter(const Node& node, const Value* input) {
  Arguments arguments;
  // In a chain of a filter block, the innermost filter gets the block's text.
  Value value = node.a == nullptr ? *input
                : input != nullptr && node.a->type == NodeType::kFilter
                    ? EvaluateFilter(*node.a, input)
                    : Evaluate(*node.a);
  if (value.failed()) return value;
  arguments.positional.push_back(std::move(value));
  if (!EvaluateArguments(node, arguments)) return Value::Failure();
  line_ = node.line;
  if (node.filter == nullptr) return Fail("there is no filter named '" + node.text + "'");
  return CallFilter(*this, *node.filter, arguments);
}

Value Runtime::EvaluateTest(const Node& node) {
  Arguments arguments;
  INGLE_JINJA_TRY(value, Evaluate(*node.a));
  arguments.positional.push_back(std::move(value));
  if (!EvaluateArguments(node, arguments)) return Value::Failure();
  if (node.test == nullptr) return Fail("there is no test named '" + node.text + "'");
  return CallTest(*this, *node.test, arguments);
}

}  // namespace ingle::jinja
