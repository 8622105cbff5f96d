#include "base/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ingle {
namespace {

constexpr size_t kShownKeyBytes = 64;
constexpr std::string_view kBigIntegerKey = "\xff";

// Where the parser is; finds keys that an object has twice.
class KeyPath {
 public:
  void Open(bool object) { open_.push_back({object, 0, {}, {}}); }
  void Close() { open_.pop_back(); }
  void Value() {
    if (!open_.empty()) ++open_.back().values;
  }
  // False when the innermost object has it already.
  bool Key(std::string key) {
    open_.back().key = key;
    return open_.back().keys.insert(std::move(key)).second;
  }
  std::string Text() const {
    std::string text;
    for (const Level& level : open_)
      text += !level.object  ? "[" + std::to_string(level.values - 1) + "]"
              : text.empty() ? level.key.substr(0, kShownKeyBytes)
                             : "." + level.key.substr(0, kShownKeyBytes);
    return text;
  }

 private:
  struct Level {
    bool object;
    size_t values;
    std::string key;
    std::set<std::string>
        keys;  // Not by hash: clients choose the keys, and could make them collide.
  };
  std::vector<Level> open_;
};

// Builds a json::value as Boost's own parser does, but reads fractions with std::from_chars:
// Boost 1.81 rounds some of them to a neighbour (123456789.123456789), and a template must print
// the number that the caller wrote.
struct Builder {
  using error_code = boost::system::error_code;
  static constexpr size_t max_object_size = json::object::max_size();
  static constexpr size_t max_array_size = json::array::max_size();
  static constexpr size_t max_key_size = json::string::max_size();
  static constexpr size_t max_string_size = json::string::max_size();

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code& error) { return Open(true, error); }
  bool on_object_end(size_t count, error_code&) {
    if (unique_keys) path.Close();
    return stack.push_object(count), true;
  }
  bool on_array_begin(error_code& error) { return Open(false, error); }
  bool on_array_end(size_t count, error_code&) {
    if (unique_keys) path.Close();
    return stack.push_array(count), true;
  }
  bool on_key_part(json::string_view text, size_t, error_code&) {
    if (unique_keys) key.append(text);
    return stack.push_chars(text), true;
  }
  bool on_key(json::string_view text, size_t, error_code& error) {
    if (unique_keys && !path.Key(std::exchange(key, {}).append(text))) {
      duplicate = true;
      error = json::error::exception;
      return false;
    }
    return stack.push_key(text), true;
  }
  bool on_string_part(json::string_view text, size_t, error_code&) {
    return stack.push_chars(text), true;
  }
  bool on_string(json::string_view text, size_t, error_code& error) {
    return stack.push_string(text), Count(error);
  }
  bool on_number_part(json::string_view text, error_code&) { return number.append(text), true; }
  bool on_int64(int64_t value, json::string_view, error_code& error) {
    number.clear();
    return stack.push_int64(value), Count(error);
  }
  bool on_uint64(uint64_t value, json::string_view, error_code& error) {
    number.clear();
    return stack.push_uint64(value), Count(error);
  }
  bool on_double(double value, json::string_view text, error_code& error) {
    number.append(text);
    if (big_integers && number.find_first_of(".eE") == std::string::npos) {
      stack.push_key(kBigIntegerKey);
      stack.push_string(number);
      stack.push_object(1);
      number.clear();
      return Count(error);
    }
    double exact = 0;
    auto [end, bad] = std::from_chars(number.data(), number.data() + number.size(), exact);
    bool whole = bad == std::errc() && end == number.data() + number.size();
    stack.push_double(whole ? exact : value);
    number.clear();
    return Count(error);
  }
  bool on_bool(bool value, error_code& error) { return stack.push_bool(value), Count(error); }
  bool on_null(error_code& error) { return stack.push_null(), Count(error); }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

  // Against a body of "[[],[],...", which takes far more memory than its text.
  bool Count(error_code& error) {
    if (unique_keys) path.Value();
    if (++values <= values_max) return true;
    error = json::error::array_too_large;
    return false;
  }

  bool Open(bool object, error_code& error) {
    if (!Count(error)) return false;
    if (unique_keys) path.Open(object);
    return true;
  }

  json::value_stack stack;
  std::string number, key;
  KeyPath path;
  bool big_integers = false, unique_keys = false, duplicate = false;
  size_t values = 0, values_max = 0;
};

// As deep as the value, which the parser has limited.
bool HasBigInteger(const json::value& value);
bool HasBigInteger(const json::array& array) {
  return std::any_of(array.begin(), array.end(),
                     [](const json::value& item) { return HasBigInteger(item); });
}
bool HasBigInteger(const json::object& object) {
  return std::any_of(object.begin(), object.end(),
                     [](const auto& member) { return HasBigInteger(member.value()); });
}
bool HasBigInteger(const json::value& value) {
  if (const json::array* array = value.if_array()) return HasBigInteger(*array);
  const json::object* object = value.if_object();
  return object != nullptr && (IfBigInteger(value) != nullptr || HasBigInteger(*object));
}

void Append(const json::value& value, std::string* text);
void Append(const json::array& array, std::string* text) {
  char before = '[';
  for (const json::value& item : array) {
    *text += std::exchange(before, ',');
    Append(item, text);
  }
  *text += array.empty() ? "[]" : "]";
}
void Append(const json::object& object, std::string* text) {
  char before = '{';
  for (const auto& [key, member] : object) {
    *text += std::exchange(before, ',');
    *text += json::serialize(key);
    *text += ':';
    Append(member, text);
  }
  *text += object.empty() ? "{}" : "}";
}
void Append(const json::value& value, std::string* text) {
  if (const json::string* digits = IfBigInteger(value))
    text->append(digits->data(), digits->size());
  else if (const json::array* array = value.if_array())
    Append(*array, text);
  else if (const json::object* object = value.if_object())
    Append(*object, text);
  else
    *text += json::serialize(value);
}

template <class Kind>
std::string Serialize(const Kind& value) {
  if (!HasBigInteger(value)) return json::serialize(value);
  std::string text;
  Append(value, &text);
  return text;
}

}  // namespace

Result<json::value> ParseJson(std::string_view text, std::string_view what, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Fail(ErrorCode::kTooLarge, std::string(what) + " has " + std::to_string(text.size()) +
                                          " bytes; at most " + std::to_string(limits.bytes) +
                                          " are read");
  json::parse_options options;
  options.max_depth = limits.depth;
  json::basic_parser<Builder> parser(options);
  parser.handler().stack.reset();
  parser.handler().values_max = limits.values;
  parser.handler().unique_keys = limits.unique_keys;
  parser.handler().big_integers = limits.big_integers;
  boost::system::error_code error;
  size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = json::error::extra_data;
  if (parser.handler().values > limits.values)
    return Fail(ErrorCode::kInvalidRequest, std::string(what) + " has too many values; at most " +
                                                std::to_string(limits.values) + " are read");
  if (parser.handler().duplicate) {
    const std::string path = parser.handler().path.Text();
    return Fail(ErrorCode::kInvalidRequest,
                std::string(what) + " has the key '" + path +
                    "' twice; which of the two is meant cannot be known, give it once",
                path, "duplicate_key");
  }
  if (error == json::error::too_deep)
    return Fail(ErrorCode::kInvalidRequest,
                std::string(what) + " is nested deeper than " + std::to_string(limits.depth) +
                    " levels; use fewer",
                "", "too_deep");
  if (error)
    return Fail(ErrorCode::kInvalidRequest, std::string(what) + " is not valid JSON near byte " +
                                                std::to_string(read) + ": " + error.message());
  return parser.handler().stack.release();
}

const json::string* IfBigInteger(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr || object->size() != 1 || object->begin()->key() != kBigIntegerKey)
    return nullptr;
  return object->begin()->value().if_string();
}

const json::object* IfObject(const json::value& value) {
  return IfBigInteger(value) == nullptr ? value.if_object() : nullptr;
}

std::string SerializeExactly(const json::array& array) { return Serialize(array); }
std::string SerializeExactly(const json::object& object) { return Serialize(object); }

}  // namespace ingle
