// Methods of dict, list, tuple, range, cycler and loop.

#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/numbers.h"

namespace ingle::jinja {
namespace {

Value DictGet(Runtime& run, const Value& self, const Arguments& arguments) {
  if (!Hashable(arguments[0]))
    return run.Fail("TypeError: unhashable type: '" + std::string(TypeName(arguments[0])) + "'");
  if (!run.Spend(static_cast<int64_t>(
          (arguments[0].is_string() ? arguments[0].text().size() : self.dict().entries.size()) /
          16)))
    return Value::Failure();
  const Value* found = self.dict().Find(arguments[0]);
  if (found != nullptr) return *found;
  return arguments[1].missing() ? Value::None() : arguments[1];
}

template <ViewData::Part part>
Value DictView(Runtime& run, const Value& self, const Arguments&) {
  auto view = std::make_shared<ViewData>();
  view->part = part;
  view->dict = self;
  return run.Adopt(Kind::kView, std::move(view), self.depth());
}

Value Same(Runtime&, const Value& self, const Arguments&) { return self; }

Value SequenceIndex(Runtime& run, const Value& self, const Arguments& arguments) {
  auto size = static_cast<int64_t>(self.items().size());
  auto bound = [&](const Value& value, int64_t otherwise) {
    if (value.missing()) return otherwise;
    int64_t at = IntegerArgument(run, value, "the position").value_or(0);
    return at < 0 ? std::max<int64_t>(at + size, 0) : std::min(at, size);
  };
  int64_t from = bound(arguments[1], 0), to = bound(arguments[2], size);
  for (int64_t at = from; at < to && run.Spend(1); at++)
    if (Equal(self.items()[static_cast<size_t>(at)], arguments[0])) return Value::Int(at);
  return run.Fail("ValueError: the value is not in the " + std::string(TypeName(self)));
}

Value SequenceCount(Runtime& run, const Value& self, const Arguments& arguments) {
  int64_t count = 0;
  for (const Value& item : self.items()) {
    if (!run.Spend(1)) return Value::Failure();
    count += Equal(item, arguments[0]) ? 1 : 0;
  }
  return Value::Int(count);
}

Value CyclerNext(Runtime&, const Value& self, const Arguments&) {
  CyclerData& cycler = self.cycler();
  Value current = cycler.items[cycler.position];
  cycler.position = (cycler.position + 1) % cycler.items.size();
  return current;
}

Value CyclerReset(Runtime&, const Value& self, const Arguments&) {
  self.cycler().position = 0;
  return Value::None();
}

Value LoopCycle(Runtime& run, const Value& self, const Arguments& arguments) {
  if (!arguments.named.empty()) return run.Fail("TypeError: cycle() takes no keyword arguments");
  if (arguments.size() == 0) return run.Fail("TypeError: no items for cycling given");
  return arguments[static_cast<size_t>(self.loop().index0) % arguments.size()];
}

Value LoopChanged(Runtime& run, const Value& self, const Arguments& arguments) {
  Value now = run.Tuple(arguments.positional);
  if (now.failed()) return now;
  LoopData& loop = self.loop();
  bool changed = loop.changed.missing() || !Equal(loop.changed, now);
  if (changed) loop.changed = now;
  return Value::Bool(changed);
}

// Of a range, by number: its items are not made.
Value RangePosition(Runtime& run, const Value& self, const Value& wanted) {
  const RangeData& range = self.range();
  for (int64_t at = 0; at < range.count && run.Spend(1); at++)
    if (Equal(Value::Int(range.start + at * range.step), wanted)) return Value::Int(at);
  return Value();
}

Value RangeIndex(Runtime& run, const Value& self, const Arguments& arguments) {
  Value found = RangePosition(run, self, arguments[0]);
  return found.missing() ? run.Fail("ValueError: the value is not in the range") : found;
}

Value RangeCount(Runtime& run, const Value& self, const Arguments& arguments) {
  return Value::Int(RangePosition(run, self, arguments[0]).missing() ? 0 : 1);
}

Value FromKeys(Runtime& run, const Value&, const Arguments& arguments) {
  auto keys = run.Items(arguments[0]);
  if (!keys) return Value::Failure();
  auto dict = std::make_shared<DictData>();
  for (Value& key : *keys) {
    if (!Hashable(key))
      return run.Fail("TypeError: unhashable type: '" + std::string(TypeName(key)) + "'");
    if (!run.Spend(static_cast<int64_t>(dict->entries.size() / 8 + 1))) return Value::Failure();
    dict->Insert(std::move(key), arguments[1].missing() ? Value::None() : arguments[1]);
  }
  return run.Dict(std::move(dict));
}

Value IsDisjoint(Runtime& run, const Value& self, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  if (!items) return Value::Failure();
  for (const Value& item : *items) {
    INGLE_JINJA_TRY(shared, run.Contains(item, self));
    if (Truthy(shared)) return Value::Bool(false);
  }
  return Value::Bool(true);
}

constexpr Method kDict[] = {
    {"copy", {"", 0}, &Same},
    {"fromkeys", {"/iterable /value", 1}, &FromKeys},
    {"get", {"/key /default", 1}, &DictGet},
    {"items", {"", 0}, &DictView<ViewData::Part::kItems>},
    {"keys", {"", 0}, &DictView<ViewData::Part::kKeys>},
    {"values", {"", 0}, &DictView<ViewData::Part::kValues>},
};
constexpr Method kList[] = {
    {"copy", {"", 0}, &Same},
    {"count", {"/value", 1}, &SequenceCount},
    {"index", {"/value /start /stop", 1}, &SequenceIndex},
};
constexpr Method kCycler[] = {{"next", {"", 0}, &CyclerNext}, {"reset", {"", 0}, &CyclerReset}};
constexpr Method kLoop[] = {{"changed", {"*", 0}, &LoopChanged}, {"cycle", {"*", 0}, &LoopCycle}};
constexpr Method kRange[] = {{"count", {"/value", 1}, &RangeCount},
                             {"index", {"/value", 1}, &RangeIndex}};
constexpr Method kView[] = {{"isdisjoint", {"/other", 1}, &IsDisjoint}};
constexpr Method kDictFunction[] = {{"fromkeys", {"/iterable /value", 1}, &FromKeys}};

}  // namespace

std::span<const Method> ContainerMethods(Kind kind) {
  switch (kind) {
    case Kind::kDict: return kDict;
    case Kind::kList: return kList;
    case Kind::kTuple: return std::span(kList).subspan(1);  // A tuple has no copy().
    case Kind::kCycler: return kCycler;
    case Kind::kLoop: return kLoop;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBigInt: return IntegerMethods();
    case Kind::kFloat: return FloatMethods();
    case Kind::kRange: return kRange;
    case Kind::kView: return kView;
    case Kind::kBytes: return BytesMethods();
    case Kind::kFunction: return kDictFunction;  // Of `dict`: the others have none.
    default: return {};
  }
}

}  // namespace ingle::jinja
