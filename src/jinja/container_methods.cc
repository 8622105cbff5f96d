// Methods of dict, list, tuple, range, cycler, loop and numbers.

#include <algorithm>
#include <cmath>

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

Value BitLengthMethod(Runtime&, const Value& self, const Arguments&) {
  return Value::Int(BitLength(self));
}

Value IsWhole(Runtime&, const Value& self, const Arguments&) {
  return Value::Bool(std::isfinite(self.floating()) &&
                     std::floor(self.floating()) == self.floating());
}

constexpr Method kDict[] = {
    {"copy", {"", 0}, &Same},
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
constexpr Method kInteger[] = {{"bit_length", {"", 0}, &BitLengthMethod}};
constexpr Method kFloat[] = {{"is_integer", {"", 0}, &IsWhole}};

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
    case Kind::kBigInt: return kInteger;
    case Kind::kFloat: return kFloat;
    default: return {};
  }
}

}  // namespace ingle::jinja
