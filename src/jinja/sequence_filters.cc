// Filters on sequences that are evaluated at once.

#include <algorithm>

#include "jinja/attribute_path.h"
#include "jinja/merge_sort.h"
#include "jinja/numbers.h"
#include "jinja/text_operations.h"

namespace ingle::jinja {

std::optional<AttributePath> AttributePath::Make(Runtime& run, const Value& attribute,
                                                 Value otherwise) {
  AttributePath path;
  path.default_ = std::move(otherwise);
  if (!attribute.is_string()) {
    if (Given(attribute)) path.parts_.push_back(attribute);
    return path;
  }
  for (TaintedString& part : SplitAt(attribute.text(), ".", -1, false)) {
    bool digits = !part.empty() && std::all_of(part.view().begin(), part.view().end(),
                                               [](char c) { return c >= '0' && c <= '9'; });
    path.parts_.push_back(digits ? ParseInteger(&run, part.view(), 10)
                                 : run.String(std::move(part)));
    if (path.parts_.back().failed()) return std::nullopt;
  }
  return path;
}

Value AttributePath::Get(Runtime& run, Value item) const {
  for (const Value& part : parts_) {
    item = run.GetItem(item, part);
    if (item.failed()) return item;
    if (Given(default_) && item.undefined()) item = default_;
  }
  return item;
}

Value IgnoreCase(Runtime& run, const Value& value, bool case_sensitive) {
  if (case_sensitive || !value.is_string()) return value;
  return run.String(MapCase(value.text(), Case::kLower));
}

namespace {

struct Keyed {
  Value key, item;
};

// Stable, as Python's sorted(key=...).
bool SortKeyed(Runtime& run, std::vector<Keyed>& items, bool reverse) {
  auto less = [&](const Keyed& a, const Keyed& b) {
    if (run.failed() || !run.Spend(1)) return false;
    auto order = reverse ? run.Order(b.key, a.key) : run.Order(a.key, b.key);
    return order && *order < 0;
  };
  MergeSort(items, less);
  return !run.failed();
}

std::optional<std::vector<Keyed>> KeyedItems(Runtime& run, const Value& value,
                                             const AttributePath& path, bool case_sensitive) {
  auto items = run.Items(value);
  if (!items) return std::nullopt;
  std::vector<Keyed> keyed;
  keyed.reserve(items->size());
  for (Value& item : *items) {
    Value found = path.Get(run, item);
    Value key = found.failed() ? found : IgnoreCase(run, found, case_sensitive);
    if (key.failed()) return std::nullopt;
    keyed.push_back({std::move(key), std::move(item)});
  }
  return keyed;
}

Value SortFilter(Runtime& run, const Arguments& arguments) {
  std::vector<AttributePath> paths;  // "a,b": by a, then by b.
  if (arguments[3].is_string()) {
    for (TaintedString& part : SplitAt(arguments[3].text(), ",", -1, false)) {
      auto path = AttributePath::Make(run, run.String(std::move(part)));
      if (!path) return Value::Failure();
      paths.push_back(std::move(*path));
    }
  } else {
    auto path = AttributePath::Make(run, arguments[3]);
    if (!path) return Value::Failure();
    paths.push_back(std::move(*path));
  }
  auto items = run.Items(arguments[0]);
  if (!items) return Value::Failure();
  std::vector<Keyed> keyed;
  for (Value& item : *items) {
    std::vector<Value> keys;
    for (const AttributePath& path : paths) {
      INGLE_JINJA_TRY(found, path.Get(run, item));
      keys.push_back(IgnoreCase(run, found, Truthy(arguments[2])));
    }
    keyed.push_back({run.List(std::move(keys)), std::move(item)});
    if (run.failed()) return Value::Failure();
  }
  if (!SortKeyed(run, keyed, Truthy(arguments[1]))) return Value::Failure();
  std::vector<Value> sorted;
  for (Keyed& entry : keyed) sorted.push_back(std::move(entry.item));
  return run.List(std::move(sorted));
}

Value DictSortFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].undefined()) return run.UseUndefined(arguments[0]);
  if (!arguments[0].is_dict()) return run.Fail("AttributeError: dictsort needs a mapping");
  bool by_value = false;
  if (!arguments[2].missing()) {
    if (!arguments[2].is_string() ||
        (arguments[2].text().view() != "key" && arguments[2].text().view() != "value"))
      return run.Fail("you can only sort by either \"key\" or \"value\"");
    by_value = arguments[2].text().view() == "value";
  }
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : arguments[0].dict().entries)
    keyed.push_back(
        {IgnoreCase(run, by_value ? value : key, Truthy(arguments[1])), run.Tuple({key, value})});
  if (run.failed() || !SortKeyed(run, keyed, Truthy(arguments[3]))) return Value::Failure();
  std::vector<Value> sorted;
  for (Keyed& entry : keyed) sorted.push_back(std::move(entry.item));
  return run.List(std::move(sorted));
}

template <bool want_max>
Value ExtremeFilter(Runtime& run, const Arguments& arguments) {
  auto path = AttributePath::Make(run, arguments[2]);
  auto keyed = path ? KeyedItems(run, arguments[0], *path, Truthy(arguments[1])) : std::nullopt;
  if (!keyed) return Value::Failure();
  if (keyed->empty()) return run.Undefined("No aggregated item, sequence was empty.");
  size_t best = 0;
  for (size_t i = 1; i < keyed->size(); i++) {
    auto order = want_max ? run.Order((*keyed)[i].key, (*keyed)[best].key, ">")
                          : run.Order((*keyed)[i].key, (*keyed)[best].key);
    if (run.failed()) return Value::Failure();
    if (order && (want_max ? *order > 0 : *order < 0)) best = i;
  }
  return (*keyed)[best].item;
}

Value GroupByFilter(Runtime& run, const Arguments& arguments) {
  bool case_sensitive = Truthy(arguments[3]);
  auto path = AttributePath::Make(run, arguments[1], arguments[2]);
  auto keyed = path ? KeyedItems(run, arguments[0], *path, case_sensitive) : std::nullopt;
  if (!keyed || !SortKeyed(run, *keyed, false)) return Value::Failure();
  std::vector<Value> groups;
  for (size_t i = 0; i < keyed->size();) {
    std::vector<Value> members;
    size_t first = i;
    while (i < keyed->size() && Equal((*keyed)[i].key, (*keyed)[first].key))
      members.push_back((*keyed)[i++].item);
    Value name = case_sensitive ? (*keyed)[first].key : path->Get(run, members[0]);
    groups.push_back(
        run.Sequence(Kind::kTuple, {std::move(name), run.List(std::move(members))}, true));
    if (run.failed()) return Value::Failure();
  }
  return run.List(std::move(groups));
}

Value LengthFilter(Runtime& run, const Arguments& arguments) { return run.Length(arguments[0]); }

Value FirstFilter(Runtime& run, const Arguments& arguments) {
  Cursor cursor = run.Iterate(arguments[0]);
  if (run.failed()) return Value::Failure();
  Value first = cursor.Next(run);
  return first.missing() ? run.Undefined("No first item, sequence was empty.") : first;
}

Value ListFilter(Runtime& run, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  return items ? run.List(std::move(*items)) : Value::Failure();
}

Value LastFilter(Runtime& run, const Arguments& arguments) {
  if (arguments[0].kind() == Kind::kIterator)
    return run.Fail("TypeError: 'generator' object is not reversible");
  auto items = run.Items(arguments[0]);
  if (!items) return Value::Failure();
  if (items->empty()) return run.Undefined("No last item, sequence was empty.");
  bool markup = arguments[0].is_string() && arguments[0].string().markup;
  return markup ? run.String(items->back().text(), true) : items->back();
}

// Where text is escaped: one part that is HTML makes the whole HTML and escapes the others.
Value JoinEscaped(Runtime& run, std::vector<Value>& items, const Value& given,
                  TaintedString separator) {
  auto is_markup = [](const Value& value) { return value.is_string() && value.string().markup; };
  bool markup = is_markup(given) || std::any_of(items.begin(), items.end(), is_markup);
  if (markup && !is_markup(given)) separator = EscapeHtml(separator);
  for (Value& item : items) {
    if (!markup || is_markup(item)) continue;
    auto text = run.Text(item);
    if (!text || !run.SpendBytes(text->size() * 2)) return Value::Failure();
    item = run.String(EscapeHtml(*text));
    if (item.failed()) return item;
  }
  auto joined = Join(run, separator, items);
  return joined ? run.String(std::move(*joined), markup) : Value::Failure();
}

Value JoinFilter(Runtime& run, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  auto separator = arguments[1].missing() ? std::optional(TaintedString()) : run.Text(arguments[1]);
  if (!items || !separator) return Value::Failure();
  if (Given(arguments[2])) {
    auto path = AttributePath::Make(run, arguments[2]);
    if (!path) return Value::Failure();
    for (Value& item : *items) item = path->Get(run, item);
    if (run.failed()) return Value::Failure();
  }
  if (run.autoescape()) return JoinEscaped(run, *items, arguments[1], std::move(*separator));
  auto joined = Join(run, *separator, *items);
  return joined ? run.String(std::move(*joined)) : Value::Failure();
}

Value DefaultFilter(Runtime& run, const Arguments& arguments) {
  if (!arguments[0].undefined() && !(Truthy(arguments[2]) && !Truthy(arguments[0])))
    return arguments[0];
  return arguments[1].missing() ? run.String("") : arguments[1];
}

Value SumFilter(Runtime& run, const Arguments& arguments) {
  auto items = run.Items(arguments[0]);
  auto path = AttributePath::Make(run, arguments[1]);
  if (!items || !path) return Value::Failure();
  Value total = arguments[2].missing() ? Value::Int(0) : arguments[2];
  if (total.is_string())
    return run.Fail("TypeError: sum() can't sum strings [use ''.join(seq) instead]");
  for (const Value& item : *items) {
    INGLE_JINJA_TRY(value, path->Get(run, item));
    total = run.Operate(static_cast<int>(Arithmetic::kAdd), total, value);
    if (total.failed()) return total;
  }
  return total;
}

Value AttrFilter(Runtime& run, const Arguments& arguments) {
  if (!arguments[1].is_string()) return run.Fail("TypeError: attribute name must be string");
  if (arguments[0].is_dict()) {  // An attribute, never a key.
    auto empty = run.Dict(std::make_shared<DictData>());
    const std::string& name = arguments[1].text().bytes();
    return FindMethod(arguments[0], name) != nullptr ? run.GetAttribute(arguments[0], name)
                                                     : run.GetAttribute(empty, name);
  }
  return run.GetAttribute(arguments[0], arguments[1].text().bytes());
}

constexpr Filter kFilters[] = {
    {"attr", {"obj name", 2}, &AttrFilter},
    {"count", {"/obj", 1}, &LengthFilter},
    {"d", {"value default_value boolean", 1}, &DefaultFilter},
    {"default", {"value default_value boolean", 1}, &DefaultFilter},
    {"dictsort", {"value case_sensitive by reverse", 1}, &DictSortFilter},
    {"first", {"seq", 1}, &FirstFilter},
    {"groupby", {"value attribute default case_sensitive", 2}, &GroupByFilter},
    {"join", {"value d attribute", 1}, &JoinFilter},
    {"last", {"seq", 1}, &LastFilter},
    {"length", {"/obj", 1}, &LengthFilter},
    {"list", {"value", 1}, &ListFilter},
    {"max", {"value case_sensitive attribute", 1}, &ExtremeFilter<true>},
    {"min", {"value case_sensitive attribute", 1}, &ExtremeFilter<false>},
    {"sort", {"value reverse case_sensitive attribute", 1}, &SortFilter},
    {"sum", {"iterable attribute start", 1}, &SumFilter},
};

}  // namespace

std::span<const Filter> SequenceFilters() { return kFilters; }

}  // namespace ingle::jinja
