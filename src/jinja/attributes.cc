// x.name and x[key], as jinja2's sandbox answers them.

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/runtime.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

// Methods that change a list or a dict: the sandbox hides them behind a value whose use is an
// error.
constexpr std::string_view kListMutators[] = {"append", "clear", "pop",    "reverse",
                                              "insert", "sort",  "extend", "remove"};
constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};
// What every Python object has; names with two underscores that it lacks are looked up as keys.
constexpr std::string_view kObjectNames[] = {
    "__class__",   "__delattr__", "__dir__",           "__doc__",         "__eq__",
    "__format__",  "__ge__",      "__getattribute__",  "__getstate__",    "__gt__",
    "__hash__",    "__init__",    "__init_subclass__", "__le__",          "__lt__",
    "__ne__",      "__new__",     "__reduce__",        "__reduce_ex__",   "__repr__",
    "__setattr__", "__sizeof__",  "__str__",           "__subclasshook__"};
constexpr std::string_view kContainerNames[] = {
    "__class_getitem__", "__contains__", "__delitem__", "__getitem__",   "__iter__",
    "__len__",           "__reversed__", "__setitem__", "__ior__",       "__or__",
    "__ror__",           "__add__",      "__mul__",     "__rmul__",      "__iadd__",
    "__imul__",          "__mod__",      "__rmod__",    "__getnewargs__"};

template <size_t N>
bool Has(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool Unsafe(const Value& object, std::string_view name) {
  if (name.starts_with("__"))
    return Has(kObjectNames, name) ||
           ((object.is_string() || object.is_sequence() || object.is_dict()) &&
            Has(kContainerNames, name));
  if (object.kind() == Kind::kList) return Has(kListMutators, name);
  return object.is_dict() && Has(kDictMutators, name);
}

Value LoopAttribute(Runtime& run, LoopData& loop, std::string_view name) {
  int64_t index = loop.index0 + 1;
  if (name == "index") return Value::Int(index);
  if (name == "index0") return Value::Int(loop.index0);
  if (name == "first") return Value::Bool(loop.index0 == 0);
  if (name == "depth") return Value::Int(loop.depth0 + 1);
  if (name == "depth0") return Value::Int(loop.depth0);
  if (name == "last" || name == "nextitem") {
    Value next = loop.Peek(run);
    if (next.failed()) return next;
    if (name == "last") return Value::Bool(next.missing());
    return next.missing() ? run.Undefined("there is no next item") : next;
  }
  if (name == "previtem")
    return loop.index0 == 0 ? run.Undefined("there is no previous item") : loop.before;
  if (name != "length" && name != "revindex" && name != "revindex0") return Value();
  Value length = loop.Length(run);
  if (length.failed() || name == "length") return length;
  return Value::Int(length.integer() - (name == "revindex" ? loop.index0 : index));
}

Value MacroAttribute(Runtime& run, const Macro& macro, std::string_view name) {
  if (name == "name")
    return macro.node->text.empty() ? Value::None() : run.String(macro.node->text);
  if (name == "catch_kwargs") return Value::Bool(macro.node->uses_kwargs);
  if (name == "catch_varargs") return Value::Bool(macro.node->uses_varargs);
  if (name == "caller") return Value::Bool(macro.node->uses_caller);
  return Value();
}

// Attributes that are neither methods nor keys; kMissing: none of that name.
Value DataAttribute(Runtime& run, const Value& object, const std::string& name) {
  switch (object.kind()) {
    case Kind::kLoop: return LoopAttribute(run, object.loop(), name);
    case Kind::kMacro: return MacroAttribute(run, *object.macro(), name);
    case Kind::kNamespace: {
      if (!run.Spend(static_cast<int64_t>(object.space()->attributes.size() / 16)))
        return Value::Failure();
      Value* found = object.space()->Find(name);
      return found == nullptr ? Value() : *found;
    }
    case Kind::kCycler:
      if (name == "items") return run.Tuple(object.cycler().items);
      if (name == "pos") return Value::Int(static_cast<int64_t>(object.cycler().position));
      return name == "current" ? object.cycler().items[object.cycler().position] : Value();
    case Kind::kJoiner:
      if (name == "sep") return object.joiner().separator;
      return name == "used" ? Value::Bool(object.joiner().used) : Value();
    case Kind::kRange:
      if (name == "start") return Value::Int(object.range().start);
      if (name == "stop") return Value::Int(object.range().stop);
      return name == "step" ? Value::Int(object.range().step) : Value();
    case Kind::kTuple:
      if (!object.list().group) return Value();
      return name == "grouper" ? object.items()[0] : name == "list" ? object.items()[1] : Value();
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBigInt:
      if (name == "real" || name == "numerator")
        return object.kind() == Kind::kBool ? Value::Int(object.integer()) : object;
      return name == "imag" ? Value::Int(0) : name == "denominator" ? Value::Int(1) : Value();
    case Kind::kFloat: return name == "real" ? object : name == "imag" ? Value::Float(0) : Value();
    default: return Value();
  }
}

Value UnsafeUndefined(Runtime& run, const Value& object, const std::string& name) {
  return run.Undefined("SecurityError: access to attribute '" + name + "' of '" +
                       std::string(TypeName(object)) + "' object is unsafe");
}

Value NoElement(Runtime& run, const Value& object, const Value& key) {
  StringBuilder text;
  if (!run.AppendRepr(text, key)) return Value::Failure();
  return run.Undefined("'" + std::string(TypeName(object)) + " object' has no " +
                       (key.is_string() ? "attribute " : "element ") +
                       text.Take().bytes().substr(0, 200));
}

Value Attribute(Runtime& run, const Value& object, const std::string& name) {
  if (object.kind() != Kind::kNamespace) {
    if (Unsafe(object, name)) return UnsafeUndefined(run, object, name);
    if (const Method* method = FindMethod(object, name)) {
      auto data = std::make_shared<MethodData>();
      data->self = object;
      data->method = method;
      return run.Adopt(Kind::kMethod, std::move(data),
                       std::min(object.depth(), run.max_value_depth() - 1));
    }
  }
  return DataAttribute(run, object, name);
}

// The item at an index or key; kMissing when there is none.
Value Item(Runtime& run, const Value& object, const Value& key) {
  if (object.is_dict()) {
    if (!run.Spend(static_cast<int64_t>(key.is_string() ? key.text().size() / kBytesPerStep
                                                        : object.dict().entries.size() / 16)))
      return Value::Failure();
    const Value* found = Hashable(key) ? object.dict().Find(key) : nullptr;
    return found == nullptr ? Value() : *found;
  }
  if (key.kind() != Kind::kInt && key.kind() != Kind::kBool) return Value();
  int64_t at = key.integer();
  if (object.is_string()) {
    Value length = run.Length(object);
    if (length.failed()) return length;
    if (at < 0) at += length.integer();
    if (at < 0 || at >= length.integer()) return Value();
    return run.GetSlice(object, Value::Int(at), Value::Int(at + 1), Value::None());
  }
  if (object.kind() == Kind::kBytes) {
    auto size = static_cast<int64_t>(object.text().size());
    if (at < 0) at += size;
    if (at < 0 || at >= size) return Value();
    return Value::Int(static_cast<unsigned char>(object.text().view()[static_cast<size_t>(at)]));
  }
  if (object.is_sequence()) {
    auto size = static_cast<int64_t>(object.items().size());
    if (at < 0) at += size;
    return at < 0 || at >= size ? Value() : object.items()[static_cast<size_t>(at)];
  }
  if (object.kind() == Kind::kRange) {
    const RangeData& range = object.range();
    if (at < 0) at += range.count;
    return at < 0 || at >= range.count ? Value() : Value::Int(range.start + at * range.step);
  }
  return Value();
}

}  // namespace

Value Runtime::GetAttribute(const Value& object, const std::string& name) {
  if (object.undefined()) {
    return Has(kObjectNames, name) ? UnsafeUndefined(*this, object, name) : UseUndefined(object);
  }
  Value found = Attribute(*this, object, name);
  if (!found.missing()) return found;
  if (object.is_dict()) {
    const Value* item = object.dict().Find(std::string_view(name));
    if (item != nullptr) return *item;
  }
  return Undefined("'" + std::string(TypeName(object)) + " object' has no attribute '" + name +
                   "'");
}

Value Runtime::GetItem(const Value& object, const Value& key) {
  if (object.undefined()) return UseUndefined(object);
  Value found = Item(*this, object, key);
  if (!found.missing()) return found;
  if (key.is_string()) found = Attribute(*this, object, key.text().bytes());
  return found.missing() ? NoElement(*this, object, key) : found;
}

}  // namespace ingle::jinja
