#include "jinja/value.h"

#include <algorithm>
#include <cmath>

#include "jinja/numbers.h"
#include "jinja/runtime.h"

namespace ingle::jinja {
namespace {

constexpr size_t kIndexedFrom = 16;  // Smaller dicts are searched in order.

// Values may share parts, so that comparing takes exponential time: every container costs steps.
// When they run out the answer does not matter, because the run fails at its next step.
bool Spend(const Heap& container, size_t steps) {
  if (container.budget == nullptr) return true;
  container.budget->steps_left -= static_cast<int64_t>(steps);
  return container.budget->steps_left >= 0;
}

bool EqualLists(const ListData& left, const ListData& right) {
  if (&left == &right) return true;
  if (!Spend(left, left.items.size() + 1) || !Spend(right, 1)) return false;
  return std::equal(left.items.begin(), left.items.end(), right.items.begin(), right.items.end(),
                    Equal);
}

bool EqualDicts(const DictData& left, const DictData& right) {
  if (&left == &right) return true;
  if (left.entries.size() != right.entries.size()) return false;
  if (!Spend(left, left.entries.size() + 1) || !Spend(right, 1)) return false;
  return std::all_of(left.entries.begin(), left.entries.end(), [&](const DictData::Entry& entry) {
    const Value* other = right.Find(entry.first);
    return other != nullptr && Equal(entry.second, *other);
  });
}

bool EqualRanges(const RangeData& left, const RangeData& right) {
  if (left.count != right.count) return false;
  if (left.count == 0) return true;
  return left.start == right.start && (left.count == 1 || left.step == right.step);
}

bool EqualViews(const ViewData& left, const ViewData& right) {
  if (left.part != right.part || left.part == ViewData::Part::kValues) return &left == &right;
  const DictData& a = left.dict.dict();
  const DictData& b = right.dict.dict();
  if (left.part == ViewData::Part::kItems) return EqualDicts(a, b);
  return a.entries.size() == b.entries.size() &&
         std::all_of(a.entries.begin(), a.entries.end(),
                     [&](const DictData::Entry& entry) { return b.Find(entry.first) != nullptr; });
}

}  // namespace

Value Value::Bool(bool value) {
  Value result(Kind::kBool);
  result.payload_.integer = value ? 1 : 0;
  return result;
}

Value Value::Int(int64_t number) {
  Value result(Kind::kInt);
  result.payload_.integer = number;
  return result;
}

Value Value::Float(double number) {
  Value result(Kind::kFloat);
  result.payload_.floating = number;
  return result;
}

Value Value::Of(const Function* function) {
  Value result(Kind::kFunction);
  result.payload_.function = function;
  return result;
}

Value Value::Of(Namespace* space) {
  Value result(Kind::kNamespace);
  result.payload_.space = space;
  return result;
}

Value Value::Of(Macro* macro) {
  Value result(Kind::kMacro);
  result.payload_.macro = macro;
  return result;
}

const TaintedString& Value::text() const { return string().text; }
const std::vector<Value>& Value::items() const { return list().items; }

const void* Value::identity() const {
  switch (kind_) {
    case Kind::kFunction: return payload_.function;
    case Kind::kNamespace: return payload_.space;
    case Kind::kMacro: return payload_.macro;
    default: return heap_.get();
  }
}

int Value::depth() const {
  switch (kind_) {
    case Kind::kList:
    case Kind::kTuple: return list().depth;
    case Kind::kDict: return dict().depth;
    case Kind::kView: return view().depth;
    case Kind::kIterator: return iterator().depth;
    case Kind::kLoop: return loop().depth;
    case Kind::kCycler: return cycler().depth;
    case Kind::kJoiner: return joiner().depth;
    case Kind::kMethod: return method().depth;
    default: return 0;
  }
}

Value* Namespace::Find(std::string_view name) {
  for (auto& [key, value] : attributes)
    if (key == name) return &value;
  return nullptr;
}

size_t DictData::Position(std::string_view key) const {
  if (!sorted.empty()) {
    auto found = std::lower_bound(sorted.begin(), sorted.end(), key,
                                  [&](uint32_t at, std::string_view wanted) {
                                    return entries[at].first.text().view() < wanted;
                                  });
    return found != sorted.end() && entries[*found].first.text().view() == key ? *found : kAbsent;
  }
  for (size_t at = 0; at < entries.size(); at++)
    if (entries[at].first.is_string() && entries[at].first.text().view() == key) return at;
  return kAbsent;
}

size_t DictData::Position(const Value& key) const {
  if (key.is_string()) return Position(key.text().view());
  for (size_t at = 0; at < entries.size(); at++)
    if (!entries[at].first.is_string() && Equal(entries[at].first, key)) return at;
  return kAbsent;
}

void DictData::Insert(Value key, Value value) {
  size_t at = Position(key);
  if (at == kAbsent)
    entries.emplace_back(std::move(key), std::move(value));
  else
    entries[at].second = std::move(value);
}

void DictData::Index() {
  if (entries.size() < kIndexedFrom) return;
  for (uint32_t at = 0; at < entries.size(); at++)
    if (entries[at].first.is_string()) sorted.push_back(at);
  std::sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) {
    return entries[a].first.text().view() < entries[b].first.text().view();
  });
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kFailure:
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBool:
    case Kind::kInt: return value.integer() != 0;
    case Kind::kFloat: return value.floating() != 0;
    case Kind::kString:
    case Kind::kBytes: return !value.text().empty();
    case Kind::kList:
    case Kind::kTuple: return !value.items().empty();
    case Kind::kDict: return !value.dict().entries.empty();
    case Kind::kRange: return value.range().count != 0;
    case Kind::kView: return !value.view().dict.dict().entries.empty();
    case Kind::kLoop: return value.loop().index0 + 1 > 0;
    default: return true;
  }
}

bool Equal(const Value& left, const Value& right) {
  if (IsNumber(left) && IsNumber(right)) return CompareNumbers(left, right) == Ordering::kEqual;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kString:
    case Kind::kBytes: return left.text().view() == right.text().view();
    case Kind::kList:
    case Kind::kTuple: return EqualLists(left.list(), right.list());
    case Kind::kDict: return EqualDicts(left.dict(), right.dict());
    case Kind::kRange: return EqualRanges(left.range(), right.range());
    case Kind::kView: return EqualViews(left.view(), right.view());
    case Kind::kMethod:
      return left.method().method == right.method().method &&
             left.method().self.identity() == right.method().self.identity();
    default: return left.identity() == right.identity();
  }
}

bool Hashable(const Value& value) {
  if (value.kind() == Kind::kTuple)
    return Spend(value.list(), 1) &&
           std::all_of(value.items().begin(), value.items().end(), Hashable);
  if (value.kind() == Kind::kView) return value.view().part == ViewData::Part::kValues;
  return value.kind() != Kind::kList && value.kind() != Kind::kDict;
}

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kFailure:
    case Kind::kMissing:
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBool: return "bool";
    case Kind::kInt:
    case Kind::kBigInt: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return value.string().markup ? "Markup" : "str";
    case Kind::kBytes: return "bytes";
    case Kind::kList: return "list";
    case Kind::kTuple: return "tuple";
    case Kind::kDict: return "dict";
    case Kind::kRange: return "range";
    case Kind::kView: return "dict view";
    case Kind::kIterator: return "generator";
    case Kind::kLoop: return "LoopContext";
    case Kind::kCycler: return "Cycler";
    case Kind::kJoiner: return "Joiner";
    case Kind::kMethod: return "method";
    case Kind::kFunction: return "function";
    case Kind::kNamespace: return "Namespace";
    case Kind::kMacro: return "Macro";
  }
  return "object";
}

}  // namespace ingle::jinja
