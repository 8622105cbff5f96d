// Functions that every template sees, as transformers defines them.

#include "jinja/builtins.h"
#include "jinja/numbers.h"

namespace ingle::jinja {
namespace {

Value RangeFunction(Runtime& run, const Arguments& arguments) {
  if (arguments.size() == 0 || arguments.size() > 3 || !arguments.named.empty())
    return run.Fail("TypeError: range takes one to three positional arguments");
  int64_t parts[3] = {0, 0, 1};
  for (size_t i = 0; i < arguments.size(); i++) {
    auto part = IntegerArgument(run, arguments[i], "an argument of range");
    if (!part) return Value::Failure();
    parts[arguments.size() == 1 ? 1 : i] = *part;
  }
  if (parts[2] == 0) return run.Fail("ValueError: range() arg 3 must not be zero");
  return run.Range(parts[0], parts[1], parts[2]);
}

// dict(mapping or pairs, **named)
std::shared_ptr<DictData> BuildDict(Runtime& run, const Arguments& arguments) {
  auto dict = std::make_shared<DictData>();
  auto insert = [&](const Value& key, const Value& value) {
    if (!Hashable(key))
      run.Fail("TypeError: unhashable type: '" + std::string(TypeName(key)) + "'");
    if (run.Spend(static_cast<int64_t>(dict->entries.size() / 8 + 1))) dict->Insert(key, value);
  };
  if (arguments.size() > 1) run.Fail("TypeError: dict expected at most 1 argument");
  if (arguments.size() == 1 && arguments[0].undefined()) run.UseUndefined(arguments[0]);
  if (arguments.size() == 1 && arguments[0].is_dict()) {
    if (run.SpendBytes(arguments[0].dict().entries.size() * sizeof(DictData::Entry)))
      dict->entries = arguments[0].dict().entries;
  } else if (arguments.size() == 1) {
    auto pairs = run.Items(arguments[0]);
    for (size_t i = 0; pairs && i < pairs->size() && !run.failed(); i++) {
      auto pair = run.Items((*pairs)[i]);
      if (pair && pair->size() != 2) run.Fail("ValueError: dict needs pairs");
      if (!run.failed()) insert((*pair)[0], (*pair)[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) insert(run.String(name), value);
  return run.failed() ? nullptr : dict;
}

Value DictFunction(Runtime& run, const Arguments& arguments) {
  auto dict = BuildDict(run, arguments);
  return dict ? run.Dict(std::move(dict)) : Value::Failure();
}

Value NamespaceFunction(Runtime& run, const Arguments& arguments) {
  auto dict = BuildDict(run, arguments);
  if (!dict) return Value::Failure();
  std::vector<std::pair<std::string, Value>> attributes;
  for (auto& [key, value] : dict->entries) {
    if (!key.is_string()) continue;  // No attribute can name it.
    if (key.text().view().starts_with('_'))
      return run.Fail(
          "SecurityError: a namespace cannot hold attributes that start with an underscore: '" +
          key.text().bytes().substr(0, 60) + "'");
    attributes.emplace_back(key.text().bytes(), value);
  }
  return run.NewNamespace(std::move(attributes));
}

Value CyclerFunction(Runtime& run, const Arguments& arguments) {
  if (arguments.size() == 0 || !arguments.named.empty())
    return run.Fail("RuntimeError: at least one item has to be provided");
  auto data = std::make_shared<CyclerData>();
  int depth = 0;
  for (const Value& item : arguments.positional) depth = std::max(depth, item.depth());
  data->items = arguments.positional;
  return run.Adopt(Kind::kCycler, std::move(data), depth,
                   sizeof(CyclerData) + arguments.size() * sizeof(Value));
}

Value JoinerFunction(Runtime& run, const Arguments& arguments) {
  auto data = std::make_shared<JoinerData>();
  data->separator = arguments[0].missing() ? run.String(", ") : arguments[0];
  int depth = data->separator.depth();
  return run.Adopt(Kind::kJoiner, std::move(data), depth);
}

Value RaiseException(Runtime& run, const Arguments& arguments) {
  auto message = run.Text(arguments[0]);
  return message ? run.FailRaised(message->view()) : Value::Failure();
}

Value StrftimeNow(Runtime& run, const Arguments& arguments) {
  if (!arguments[0].is_string()) return run.Fail("TypeError: strftime_now needs a text");
  if (!run.SpendBytes(arguments[0].text().size() * 16)) return Value::Failure();
  return run.String(FormatTime(run.now_unix_s(), arguments[0].text().view()), true);
}

Value Lipsum(Runtime& run, const Arguments&) {
  return run.Fail("lipsum writes random text, which a chat template must not");
}

constexpr Function kFunctions[] = {
    {"cycler", {"*", 0}, &CyclerFunction},
    {"dict", {"*", 0}, &DictFunction},
    {"joiner", {"sep", 0}, &JoinerFunction},
    {"lipsum", {"*", 0}, &Lipsum},
    {"namespace", {"*", 0}, &NamespaceFunction},
    {"raise_exception", {"message", 1}, &RaiseException},
    {"range", {"*", 0}, &RangeFunction},
    {"strftime_now", {"format", 1}, &StrftimeNow},
};

}  // namespace

std::span<const Function> Globals() { return kFunctions; }

}  // namespace ingle::jinja
