#include "jinja/builtins.h"

#include <algorithm>

namespace ingle::jinja {
namespace {

template <class Entry>
const Entry* Find(std::span<const Entry> entries, std::string_view name) {
  auto found = std::find_if(entries.begin(), entries.end(),
                            [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

std::vector<std::string_view> Split(std::string_view parameters) {
  std::vector<std::string_view> names;
  while (!parameters.empty()) {
    size_t space = parameters.find(' ');
    names.push_back(parameters.substr(0, space));
    parameters =
        space == std::string_view::npos ? std::string_view() : parameters.substr(space + 1);
  }
  return names;
}

}  // namespace

const Filter* FindFilter(std::string_view name) {
  for (auto table :
       {TextFilters(), SequenceFilters(), LazyFilters(), NumberFilters(), HtmlFilters()})
    if (const Filter* found = Find(table, name)) return found;
  return nullptr;
}

const Test* FindTest(std::string_view name) { return Find(Tests(), name); }

const Method* FindMethod(const Value& object, std::string_view name) {
  if (object.is_string()) {
    const Method* found = Find(TextMethods(), name);
    if (found == nullptr) found = Find(TextQueryMethods(), name);
    return found != nullptr ? found : Find(CodingMethods(), name);
  }
  if (object.kind() == Kind::kFunction && object.function()->name != "dict") return nullptr;
  if (object.kind() == Kind::kView && object.view().part == ViewData::Part::kValues) return nullptr;
  return Find(ContainerMethods(object.kind()), name);
}

bool Bind(Runtime& run, std::string_view callee, const Signature& signature, Arguments& arguments) {
  if (signature.parameters == "*") return true;
  auto fail = [&](const std::string& what) {
    run.Fail("TypeError: " + std::string(callee) + "() " + what);
    return false;
  };
  std::vector<std::string_view> names = Split(signature.parameters);
  if (arguments.size() > names.size())
    return fail("takes at most " + std::to_string(names.size()) + " arguments (" +
                std::to_string(arguments.size()) + " given)");
  size_t given = arguments.size();
  arguments.positional.resize(names.size());
  for (auto& [name, value] : arguments.named) {
    auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) return fail("got an unexpected keyword argument '" + name + "'");
    auto at = static_cast<size_t>(found - names.begin());
    if (at < given) return fail("got multiple values for argument '" + name + "'");
    arguments.positional[at] = std::move(value);
  }
  arguments.named.clear();
  for (size_t i = 0; i < signature.required; i++)
    if (arguments[i].missing()) return fail("misses the argument '" + std::string(names[i]) + "'");
  return true;
}

Value CallFilter(Runtime& run, const Filter& filter, Arguments& arguments) {
  if (!run.Spend(1) || !Bind(run, filter.name, filter.signature, arguments))
    return Value::Failure();
  return filter.run(run, arguments);
}

Value CallTest(Runtime& run, const Test& test, Arguments& arguments) {
  if (!run.Spend(1) || !Bind(run, test.name, test.signature, arguments)) return Value::Failure();
  return test.run(run, arguments);
}

bool Given(const Value& argument) { return !argument.missing() && !argument.none(); }

std::optional<int64_t> IntegerArgument(Runtime& run, const Value& argument, std::string_view what) {
  if (argument.kind() == Kind::kInt || argument.kind() == Kind::kBool) return argument.integer();
  if (argument.undefined()) {
    run.UseUndefined(argument);
  } else if (argument.kind() == Kind::kBigInt) {
    run.FailBudget("OverflowError: " + std::string(what) + " is too large");
  } else {
    run.Fail("TypeError: " + std::string(what) + " must be an integer, not " +
             std::string(TypeName(argument)));
  }
  return std::nullopt;
}

}  // namespace ingle::jinja
