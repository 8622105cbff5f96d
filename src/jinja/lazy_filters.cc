// Filters that give generators: map, select, batch and their kin. Nothing happens until an item is
// asked for.

#include <algorithm>
#include <functional>

#include "jinja/attribute_path.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {
namespace {

// Takes items from a source; `step` gives the next value, kMissing to skip this item.
struct Pipe : IteratorData {
  Cursor source;
  bool opened = false, ended = false;
  Value input;
  std::function<Value(Runtime&, const Value&)> step;

  Value Next(Runtime& run) override {
    if (!opened && !ended) source = run.Iterate(input);
    opened = true;
    while (!ended && !run.failed()) {
      Value item = source.Next(run);
      if (item.failed()) return item;
      if (item.missing()) break;
      Value result = step(run, item);
      if (!result.missing()) return result;
    }
    ended = true;
    return run.failed() ? Value::Failure() : Value();
  }
};

// Items that are known.
struct Known : IteratorData {
  std::vector<Value> items;
  size_t at = 0;
  Value Next(Runtime&) override { return at < items.size() ? std::move(items[at++]) : Value(); }
};

Value MakePipe(Runtime& run, const Value& input,
               std::function<Value(Runtime&, const Value&)> step) {
  auto pipe = std::make_shared<Pipe>();
  pipe->input = input;
  pipe->ended = !Truthy(input);
  pipe->step = std::move(step);
  return run.Adopt(Kind::kIterator, std::shared_ptr<IteratorData>(std::move(pipe)), input.depth(),
                   sizeof(Pipe));
}

Value MakeKnown(Runtime& run, std::vector<Value> items) {
  auto known = std::make_shared<Known>();
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  size_t bytes = sizeof(Known) + items.size() * sizeof(Value);
  known->items = std::move(items);
  return run.Adopt(Kind::kIterator, std::shared_ptr<IteratorData>(std::move(known)),
                   std::min(depth, run.max_value_depth() - 1), bytes);
}

Arguments Rest(const Arguments& arguments, size_t skip) {
  Arguments rest;
  rest.positional.assign(
      arguments.positional.begin() + static_cast<ptrdiff_t>(std::min(skip, arguments.size())),
      arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

// Errors in the arguments appear when the first item is asked for, as in jinja2; without items
// never.
Value MapByFilter(Runtime& run, const Value& item, const Value& name, const Arguments& rest) {
  if (name.missing()) return run.Fail("map requires a filter argument");
  const Filter* filter = name.is_string() ? FindFilter(name.text().view()) : nullptr;
  if (filter == nullptr) return run.Fail("there is no filter of the name that map is given");
  Arguments call = rest;
  call.positional.insert(call.positional.begin(), item);
  return CallFilter(run, *filter, call);
}

Value MapFilter(Runtime& run, const Arguments& arguments) {
  if (arguments.size() == 0) return run.Fail("TypeError: map needs a sequence");
  Value attribute, otherwise;
  bool other_names = false;
  for (const auto& [name, value] : arguments.named) {
    if (name == "attribute")
      attribute = value;
    else if (name == "default")
      otherwise = value;
    else
      other_names = true;
  }
  if (arguments.size() == 1 && !attribute.missing()) {
    return MakePipe(run, arguments[0],
                    [attribute, otherwise, other_names](Runtime& r, const Value& item) {
                      if (other_names) return r.Fail("unexpected keyword argument of map");
                      auto path = AttributePath::Make(r, attribute, otherwise);
                      return path ? path->Get(r, item) : Value::Failure();
                    });
  }
  Value name = arguments.size() > 1 ? arguments[1] : Value();
  return MakePipe(run, arguments[0],
                  [name, rest = Rest(arguments, 2)](Runtime& r, const Value& item) {
                    return MapByFilter(r, item, name, rest);
                  });
}

template <bool keep, bool by_attribute>
Value SelectFilter(Runtime& run, const Arguments& arguments) {
  if (arguments.size() == 0) return run.Fail("TypeError: select needs a sequence");
  constexpr size_t kTestAt = by_attribute ? 2 : 1;
  Value attribute = by_attribute && arguments.size() > 1 ? arguments[1] : Value();
  Value name = arguments.size() > kTestAt ? arguments[kTestAt] : Value();
  return MakePipe(
      run, arguments[0],
      [attribute, name, rest = Rest(arguments, kTestAt + 1)](Runtime& r, const Value& item) {
        Value subject = item;
        if (by_attribute) {
          if (attribute.missing()) return r.Fail("missing parameter for attribute name");
          auto path = AttributePath::Make(r, attribute);
          subject = path ? path->Get(r, item) : Value::Failure();
          if (subject.failed()) return subject;
        }
        bool passes = Truthy(subject);
        if (!name.missing()) {
          const Test* test = name.is_string() ? FindTest(name.text().view()) : nullptr;
          if (test == nullptr)
            return r.Fail("there is no test of the name that select or reject is given");
          Arguments call = rest;
          call.positional.insert(call.positional.begin(), subject);
          INGLE_JINJA_TRY(result, CallTest(r, *test, call));
          passes = Truthy(result);
        }
        return passes == keep ? item : Value();
      });
}

Value UniqueFilter(Runtime& run, const Arguments& arguments) {
  auto path = AttributePath::Make(run, arguments[2]);
  auto items = path ? run.Items(arguments[0]) : std::nullopt;
  if (!items) return Value::Failure();
  DictData seen;
  std::vector<Value> kept;
  for (Value& item : *items) {
    INGLE_JINJA_TRY(found, path->Get(run, item));
    INGLE_JINJA_TRY(key, IgnoreCase(run, found, Truthy(arguments[1])));
    if (!Hashable(key))
      return run.Fail("TypeError: unhashable type: '" + std::string(TypeName(key)) + "'");
    if (!run.Spend(static_cast<int64_t>(kept.size() / 8))) return Value::Failure();
    if (seen.Find(key) != nullptr) continue;
    seen.entries.emplace_back(std::move(key), Value::None());
    kept.push_back(std::move(item));
  }
  return MakeKnown(run, std::move(kept));
}

Value ItemsFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].undefined()) return MakeKnown(run, {});
  if (!arguments[0].is_dict())
    return run.Fail("TypeError: Can only get item pairs from a mapping.");
  std::vector<Value> pairs;
  for (const auto& [key, value] : arguments[0].dict().entries)
    pairs.push_back(run.Tuple({key, value}));
  return run.failed() ? Value::Failure() : MakeKnown(run, std::move(pairs));
}

Value ReverseFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].is_string())
    return run.GetSlice(arguments[0], Value::None(), Value::None(), Value::Int(-1));
  auto items = run.Items(arguments[0]);
  if (!items) return Value::Failure();
  std::reverse(items->begin(), items->end());
  // Of a generator jinja2 makes a list, of anything with an order a reverse iterator.
  return arguments[0].kind() == Kind::kIterator ? run.List(std::move(*items))
                                                : MakeKnown(run, std::move(*items));
}

Value BatchFilter(Runtime& run, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  auto size = IntegerArgument(run, arguments[1], "linecount");
  if (!items || !size) return Value::Failure();
  std::vector<Value> batches, batch;
  for (Value& item : *items) {
    if (static_cast<int64_t>(batch.size()) == *size)
      batches.push_back(run.List(std::exchange(batch, {})));
    batch.push_back(std::move(item));
  }
  if (!batch.empty()) {
    if (Given(arguments[2]) && static_cast<int64_t>(batch.size()) < *size) {
      if (*size > kMaxRange) return run.FailBudget("a batch is too long");
      batch.resize(static_cast<size_t>(*size), arguments[2]);
    }
    batches.push_back(run.List(std::move(batch)));
  }
  return run.failed() ? Value::Failure() : MakeKnown(run, std::move(batches));
}

Value SliceFilter(Runtime& run, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  auto slices = IntegerArgument(run, arguments[1], "slices");
  if (!items || !slices) return Value::Failure();
  if (*slices == 0) return run.Fail("ZeroDivisionError: integer division or modulo by zero");
  if (*slices > kMaxRange) return run.FailBudget("slice makes too many parts");
  auto count = static_cast<int64_t>(items->size());
  std::vector<Value> parts;
  int64_t start = 0;
  for (int64_t i = 0; i < *slices; i++) {
    bool extra = i < count % *slices;
    int64_t end = start + count / *slices + (extra ? 1 : 0);
    std::vector<Value> part(items->begin() + start, items->begin() + end);
    if (Given(arguments[2]) && !extra) part.push_back(arguments[2]);
    parts.push_back(run.List(std::move(part)));
    start = end;
  }
  return run.failed() ? Value::Failure() : MakeKnown(run, std::move(parts));
}

constexpr Filter kFilters[] = {
    {"batch", {"value linecount fill_with", 2}, &BatchFilter},
    {"items", {"value", 1}, &ItemsFilter},
    {"map", {"*", 1}, &MapFilter},
    {"reject", {"*", 1}, &SelectFilter<false, false>},
    {"rejectattr", {"*", 1}, &SelectFilter<false, true>},
    {"reverse", {"value", 1}, &ReverseFilter},
    {"select", {"*", 1}, &SelectFilter<true, false>},
    {"selectattr", {"*", 1}, &SelectFilter<true, true>},
    {"slice", {"value slices fill_with", 2}, &SliceFilter},
    {"unique", {"value case_sensitive attribute", 1}, &UniqueFilter},
};

}  // namespace

std::span<const Filter> LazyFilters() { return kFilters; }

}  // namespace ingle::jinja
