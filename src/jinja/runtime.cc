#include "jinja/runtime.h"

#include <algorithm>
#include <cstdio>

#include "jinja/builtins.h"
#include "jinja/numbers.h"
#include "jinja/unicode.h"

namespace ingle::jinja {

Runtime::Runtime(const Syntax& syntax, size_t input_bytes, int64_t now_unix_s)
    : syntax_(syntax),
      max_live_bytes_(kMaxLiveBytes + kLiveBytesPerInputByte * input_bytes),
      now_unix_s_(now_unix_s),
      context_(syntax.names.size()),
      top_(syntax.names.size()) {
  budget_.steps_left = kMaxSteps + static_cast<int64_t>(input_bytes);
  auto name_of = [&](const char* name) {
    auto found = syntax.name_index.find(name);
    return found == syntax.name_index.end() ? -1 : found->second;
  };
  loop_name_ = name_of("loop");
  caller_name_ = name_of("caller");
  kwargs_name_ = name_of("kwargs");
  varargs_name_ = name_of("varargs");
  for (const Function& function : Globals())
    SetVariable(std::string(function.name), Value::Of(&function));
}

Runtime::~Runtime() {
  // Namespaces may refer to each other: empty them one by one, so that no destructor recurses
  // through them.
  for (auto& space : namespaces_) space->attributes.clear();
  for (auto& macro : macros_) macro->scope.reset();
}

void Runtime::SetVariable(const std::string& name, Value value) {
  auto found = syntax_.name_index.find(name);
  if (found != syntax_.name_index.end())
    context_[static_cast<size_t>(found->second)] = std::move(value);
}

Result<TaintedString> Runtime::Render() {
  StringBuilder out;
  out_ = &out;
  Hide(syntax_.hidden);
  Flow flow = failed() ? Flow::kFailed : Run(syntax_.body);
  out_ = nullptr;
  scope_.reset();
  if (flow == Flow::kFailed || failed()) return std::unexpected(TakeError());
  return out.Take();
}

Value Runtime::Fail(std::string message, std::string id) {
  if (budget_.steps_left < 0) {  // Comparisons give up without an answer when the budget ends.
    message = "it runs for more than " + std::to_string(kMaxSteps) +
              " steps; this exceeds what a template may use";
    id = "template_budget";
  }
  if (!error_) {
    error_ = Error{
        ErrorCode::kInvalidRequest,
        "the chat template fails at line " + std::to_string(line_) + ": " + std::move(message), "",
        std::move(id)};
  }
  return Value::Failure();
}

Value Runtime::FailBudget(const std::string& what) {
  return Fail(what + "; this exceeds what a template may use", "template_budget");
}

// raise_exception: the author's words, with control characters made visible.
Value Runtime::FailRaised(std::string_view message) {
  std::string safe;
  for (size_t at = 0; at < message.size() && safe.size() < kMaxRaisedMessageBytes;) {
    CodePoint c = Decode(message, at);
    if (IsPrintable(c.value)) {
      safe.append(message.substr(at, c.length));
    } else {
      char escape[16];
      std::snprintf(escape, sizeof escape, c.value < 0x100 ? "\\x%02x" : "\\u%04x",
                    static_cast<unsigned>(c.value));
      safe += c.value == '\n' ? "\\n" : escape;
    }
    at += c.length;
  }
  if (!error_)
    error_ = Error{
        ErrorCode::kInvalidRequest,
        "the chat template refuses this conversation (line " + std::to_string(line_) + "): " + safe,
        "", "template_error"};
  return Value::Failure();
}

bool Runtime::Spend(int64_t steps) {
  budget_.steps_left -= steps;
  if (budget_.steps_left >= 0) return !failed();
  FailBudget("it runs for more than " + std::to_string(kMaxSteps) + " steps");
  return false;
}

bool Runtime::SpendBytes(size_t bytes) {
  if (bytes > max_live_bytes_ || budget_.live_bytes + captured_bytes_ + bytes > max_live_bytes_) {
    FailBudget("it needs more than " + std::to_string(max_live_bytes_ >> 20) + " MiB of memory");
    return false;
  }
  return Spend(static_cast<int64_t>(bytes / kBytesPerStep) + 1);
}

bool Runtime::Count(Heap& heap, int child_depth, size_t bytes) {
  if (failed()) return false;
  if (child_depth >= max_value_depth_) {
    Fail("values are nested deeper than " + std::to_string(max_value_depth_) + " levels",
         "template_too_deep");
    return false;
  }
  if (!SpendBytes(bytes)) return false;
  heap.budget = &budget_;
  heap.counted_bytes = bytes;
  heap.depth = child_depth + 1;
  budget_.live_bytes += bytes;
  return true;
}

Value Runtime::String(TaintedString text, bool markup) {
  auto data = std::make_shared<StringData>();
  data->ascii = std::none_of(text.view().begin(), text.view().end(), [](char c) { return c < 0; });
  data->markup = markup;
  data->text = std::move(text);
  size_t bytes =
      sizeof(StringData) + data->text.size() + data->text.flips().size() * sizeof(uint32_t);
  return Adopt(Kind::kString, std::move(data), 0, bytes);
}

Value ConstantString(std::string text) {
  auto data = std::make_shared<StringData>();
  data->ascii = std::none_of(text.begin(), text.end(), [](char c) { return c < 0; });
  data->text = TaintedString(std::move(text), true);
  return Value::Shared(Kind::kString, std::move(data));
}

Value Runtime::Sequence(Kind kind, std::vector<Value> items, bool group) {
  auto data = std::make_shared<ListData>();
  int depth = 0;
  for (const Value& item : items) {
    if (item.failed()) return item;
    depth = std::max(depth, item.depth());
  }
  size_t bytes = sizeof(ListData) + items.size() * sizeof(Value);
  data->items = std::move(items);
  data->group = group;
  return Adopt(kind, std::move(data), depth, bytes);
}

Value Runtime::Dict(std::shared_ptr<DictData> dict) {
  int depth = 0;
  for (const auto& [key, value] : dict->entries)
    depth = std::max({depth, key.depth(), value.depth()});
  dict->Index();
  size_t bytes =
      sizeof(DictData) + dict->entries.size() * (sizeof(DictData::Entry) + sizeof(uint32_t));
  return Adopt(Kind::kDict, std::move(dict), depth, bytes);
}

Value Runtime::Undefined(std::string message) {
  auto data = std::make_shared<UndefinedData>();
  size_t bytes = sizeof(UndefinedData) + message.size();
  data->message = std::move(message);
  return Adopt(Kind::kUndefined, std::move(data), 0, bytes);
}

Value Runtime::Range(int64_t start, int64_t stop, int64_t step) {
  auto data = std::make_shared<RangeData>();
  data->start = start;
  data->stop = stop;
  data->step = step;
  __int128 span =
      step > 0 ? static_cast<__int128>(stop) - start : static_cast<__int128>(start) - stop;
  __int128 stride = step > 0 ? step : -static_cast<__int128>(step);
  __int128 count = span <= 0 ? 0 : (span + stride - 1) / stride;
  if (count > kMaxRange)
    return Fail("OverflowError: a range has more than " + std::to_string(kMaxRange) + " items",
                "template_budget");
  data->count = static_cast<int64_t>(count);
  return Adopt(Kind::kRange, std::move(data), 0);
}

Value Runtime::NewNamespace(std::vector<std::pair<std::string, Value>> attributes) {
  if (!SpendBytes(sizeof(Namespace) + 64)) return Value::Failure();
  budget_.live_bytes += sizeof(Namespace) + 64;
  namespaces_.push_back(std::make_unique<Namespace>());
  namespaces_.back()->attributes = std::move(attributes);
  return Value::Of(namespaces_.back().get());
}

Value Runtime::FromJson(const json::value& value, int depth) {
  if (depth > kMaxInputDepth)
    return Fail("the messages are nested too deeply", "template_too_deep");
  max_value_depth_ = std::max(max_value_depth_, depth + 1 + kMaxValueDepth / 2);
  if (const json::string* digits = IfBigInteger(value)) {
    Value number = ParseInteger(this, *digits, 10);
    if (!number.missing()) return number;
    return Fail("ValueError: a whole number has more than " + std::to_string(kMaxIntegerDigits) +
                " digits");
  }
  switch (value.kind()) {
    case json::kind::null: return Value::None();
    case json::kind::bool_: return Value::Bool(value.get_bool());
    case json::kind::int64: return Value::Int(value.get_int64());
    case json::kind::uint64: return ParseInteger(this, std::to_string(value.get_uint64()), 10);
    case json::kind::double_: return Value::Float(value.get_double());
    case json::kind::string: return String(std::string(value.get_string()), false);
    case json::kind::array: {
      std::vector<Value> items;
      for (const json::value& item : value.get_array()) items.push_back(FromJson(item, depth + 1));
      return List(std::move(items));
    }
    case json::kind::object: {
      auto dict = std::make_shared<DictData>();
      for (const auto& [key, item] : value.get_object()) {
        INGLE_JINJA_TRY(name, String(std::string(key), false));
        INGLE_JINJA_TRY(content, FromJson(item, depth + 1));
        dict->entries.emplace_back(std::move(name), std::move(content));
      }
      return Dict(std::move(dict));
    }
  }
  return Value::None();
}

Value Runtime::UseUndefined(const Value& value) { return Fail(value.undefined_data().message); }

std::optional<TaintedString> Runtime::Text(const Value& value) {
  if (value.is_string()) return value.text();
  StringBuilder out;
  if (!AppendText(out, value)) return std::nullopt;
  return out.Take();
}

Value Runtime::TextValue(const Value& value) {
  if (value.is_string()) return value;
  auto text = Text(value);
  return text ? String(std::move(*text)) : Value::Failure();
}

Cursor Runtime::Iterate(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kView:
    case Kind::kIterator: return Cursor(value);
    default:
      Fail("TypeError: '" + std::string(TypeName(value)) + "' object is not iterable");
      return {};
  }
}

namespace {

Value EntryOf(Runtime& run, const DictData& dict, ViewData::Part part, size_t at) {
  if (at >= dict.entries.size()) return Value();
  if (part == ViewData::Part::kKeys) return dict.entries[at].first;
  if (part == ViewData::Part::kValues) return dict.entries[at].second;
  return run.Tuple({dict.entries[at].first, dict.entries[at].second});
}

}  // namespace

Value Cursor::Next(Runtime& run) {
  if (!run.Spend(1)) return Value::Failure();
  switch (source_.kind()) {
    case Kind::kString: {
      const TaintedString& text = source_.text();
      if (at_ >= text.size()) return Value();
      size_t length = Decode(text.view(), at_).length;
      at_ += length;
      return run.String(Slice(text, at_ - length, length));
    }
    case Kind::kBytes:
      if (at_ >= source_.text().size()) return Value();
      return Value::Int(static_cast<unsigned char>(source_.text().view()[at_++]));
    case Kind::kList:
    case Kind::kTuple: return at_ < source_.items().size() ? source_.items()[at_++] : Value();
    case Kind::kDict: return EntryOf(run, source_.dict(), ViewData::Part::kKeys, at_++);
    case Kind::kView: return EntryOf(run, source_.view().dict.dict(), source_.view().part, at_++);
    case Kind::kRange: {
      const RangeData& range = source_.range();
      if (at_ >= static_cast<size_t>(range.count)) return Value();
      return Value::Int(range.start + static_cast<int64_t>(at_++) * range.step);
    }
    case Kind::kIterator: return source_.iterator().Next(run);
    default: return Value();
  }
}

std::optional<std::vector<Value>> Runtime::Items(const Value& value) {
  Cursor cursor = Iterate(value);
  std::vector<Value> items;
  while (!failed()) {
    Value item = cursor.Next(*this);
    if (item.failed()) break;
    if (item.missing()) return items;
    items.push_back(std::move(item));
    if (items.size() % 4096 == 0 && !SpendBytes(items.size() * sizeof(Value))) break;
  }
  return std::nullopt;
}

Value Runtime::Length(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined: return Value::Int(0);
    case Kind::kString:
      if (!value.string().ascii &&
          !Spend(static_cast<int64_t>(value.text().size() / kBytesPerStep)))
        return Value::Failure();
      return Value::Int(static_cast<int64_t>(
          value.string().ascii ? value.text().size() : CountCodePoints(value.text().view())));
    case Kind::kBytes: return Value::Int(static_cast<int64_t>(value.text().size()));
    case Kind::kList:
    case Kind::kTuple: return Value::Int(static_cast<int64_t>(value.items().size()));
    case Kind::kDict: return Value::Int(static_cast<int64_t>(value.dict().entries.size()));
    case Kind::kView: return Length(value.view().dict);
    case Kind::kRange: return Value::Int(value.range().count);
    case Kind::kLoop: return value.loop().Length(*this);
    default:
      return Fail("TypeError: object of type '" + std::string(TypeName(value)) + "' has no len()");
  }
}

}  // namespace ingle::jinja
