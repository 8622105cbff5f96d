#include "text/component_json.h"

#include "text/unicode.h"

namespace ingle {
namespace {

constexpr size_t kMaxLiteralBytes = 4096;

}  // namespace

void TextPattern::FindAll(std::string_view text, std::vector<Regex::Range>& matches) const {
  if (regex) return regex->FindAll(text, matches);
  for (size_t at = text.find(literal); at != std::string_view::npos;
       at = text.find(literal, at + literal.size()))
    matches.emplace_back(at, at + literal.size());
}

Component::Component(const json::value& value, std::string_view part)
    : object_(value.if_object()), part_(part) {
  const json::value* type = Find("type");
  if (type != nullptr && type->is_string()) type_ = type->get_string();
}

const json::value* Component::Find(std::string_view key) const {
  return object_ == nullptr ? nullptr : object_->if_contains(key);
}

std::unexpected<Error> Component::Wrong(std::string_view key, std::string_view expected) const {
  std::string shown;
  AppendValid(std::string_view(type_).substr(0, 64), false, shown);
  return Fail(ErrorCode::kCorruptFile,
              "tokenizer.json cannot be used: in " + part_ + ", \"" + shown + "\" needs " +
                  std::string(key) + " to be " + std::string(expected) + "; download it again",
              "tokenizer.json", "invalid_model_file");
}

std::unexpected<Error> Component::Unknown(std::string_view known) const {
  std::string shown;
  AppendValid(std::string_view(type_).substr(0, 64), false, shown);
  return Fail(ErrorCode::kUnsupported,
              "tokenizer.json has a " + part_ + " of type \"" + shown +
                  "\", which is not supported; supported are " + std::string(known) +
                  ". A GGUF file of the same model may load",
              "tokenizer.json", "unsupported_tokenizer");
}

Result<std::string> Component::String(std::string_view key) const {
  const json::value* value = Find(key);
  if (value == nullptr || !value->is_string()) return Wrong(key, "a string");
  return std::string(value->get_string());
}

Result<std::string> Component::Character(std::string_view key) const {
  INGLE_TRY(std::string text, String(key));
  const CodePoint c = DecodeAt(text, 0);
  if (text.empty() || c.length != text.size()) return Wrong(key, "one character");
  return text;
}

Result<bool> Component::Bool(std::string_view key, std::optional<bool> absent) const {
  const json::value* value = Find(key);
  if (value != nullptr && value->is_bool()) return value->get_bool();
  if (absent && (value == nullptr || value->is_null())) return *absent;
  return Wrong(key, "true or false");
}

Result<uint64_t> Component::Unsigned(std::string_view key, std::optional<uint64_t> absent) const {
  const json::value* value = Find(key);
  if (value == nullptr && absent) return *absent;
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0)
    return Wrong(key, "a count");
  return static_cast<uint64_t>(value->get_int64());
}

Result<const json::array*> Component::Array(std::string_view key) const {
  const json::value* value = Find(key);
  if (value == nullptr || !value->is_array()) return Wrong(key, "a list");
  return &value->get_array();
}

Result<TextPattern> Component::Pattern(std::string_view key) const {
  const json::value* value = Find(key);
  const json::object* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr || object->size() != 1 || !object->begin()->value().is_string())
    return Wrong(key, "{\"String\": ...} or {\"Regex\": ...}");
  TextPattern pattern;
  pattern.source = object->begin()->value().get_string();
  if (object->begin()->key() == "String") {
    pattern.literal = pattern.source;
    if (pattern.literal.empty() || pattern.literal.size() > kMaxLiteralBytes)
      return Wrong(key, "1 to 4096 bytes long");
    return pattern;
  }
  if (object->begin()->key() != "Regex") return Wrong(key, "{\"String\": ...} or {\"Regex\": ...}");
  INGLE_TRY(pattern.regex, Regex::Compile(pattern.source));
  return pattern;
}

}  // namespace ingle
