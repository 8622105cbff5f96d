#include "api/fields.h"

#include <cmath>
#include <cstdio>

namespace ingle {
namespace {

constexpr size_t kShownNameBytes = 64;  // Of a name that a client made up.
constexpr size_t kMaxUnknownWarnings = 16;

constexpr double kTwoTo64 = 18446744073709551616.0;

std::string NumberText(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

// An end of a range of integers, without an exponent. 2^64 is how a double says 2^64 - 1.
std::string IntegerText(double value) {
  if (value >= kTwoTo64) return "18446744073709551615";
  char text[32];
  snprintf(text, sizeof(text), "%.0f", value);
  return text;
}

bool HasType(const json::value& value, FieldType type) {
  switch (type) {
    case FieldType::kBool: return value.is_bool();
    case FieldType::kInteger: return AsInteger(value) || AsUnsigned(value);
    case FieldType::kNumber: return value.is_number();
    case FieldType::kString: return value.is_string();
    case FieldType::kStringOrStrings:
      if (value.is_string()) return true;
      if (!value.is_array()) return false;
      for (const json::value& item : value.get_array())
        if (!item.is_string()) return false;
      return true;
    case FieldType::kArray: return value.is_array();
    case FieldType::kObject: return IfObject(value) != nullptr;
    case FieldType::kAny: return true;
  }
  return false;
}

bool IsNeutral(const Field& field, const json::value& value) {
  std::string_view left = field.neutral;
  if (left.empty()) return false;
  const std::string text = json::serialize(value);
  while (!left.empty()) {
    const size_t end = std::min(left.find('|'), left.size());
    if (left.substr(0, end) == text) return true;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return false;
}

double Magnitude(const json::value& value) {
  return value.is_double()   ? value.get_double()
         : value.is_uint64() ? static_cast<double>(value.get_uint64())
                             : static_cast<double>(value.get_int64());
}

Status CheckRange(const Field& field, const json::value& value, const std::string& param) {
  if (field.min == field.max || !value.is_number()) return {};
  const double number = Magnitude(value);
  const bool above = field.min_excluded ? number > field.min : number >= field.min;
  if (above && number <= field.max) return {};
  return Fail(ErrorCode::kInvalidRequest,
              param + " is " + NumberText(number) + "; it must be in the range " + RangeText(field),
              param, "invalid_value");
}

Status TooBig(const Field& field, std::string_view digits, const std::string& param) {
  const std::string range = RangeText(field);
  return Fail(ErrorCode::kInvalidRequest,
              param + " is " + std::string(digits.substr(0, kShownNameBytes)) +
                  (digits.size() > kShownNameBytes ? "..." : "") +
                  ", a number of more than 64 bits" +
                  (range.empty() ? "" : "; it must be in the range " + range),
              param, "invalid_value");
}

Status CheckField(const Field& field, const json::value& value, const std::string& param,
                  std::vector<Warning>* warnings) {
  if (IsNeutral(field, value)) return {};
  if (field.use == FieldUse::kRefused)
    return Fail(ErrorCode::kUnsupported,
                param + " is not supported by this version: " + std::string(field.meaning), param,
                "unsupported_parameter");
  if (field.use == FieldUse::kForbidden)
    return Fail(ErrorCode::kInvalidRequest,
                param + " is not allowed: " + std::string(field.meaning), param,
                "parameter_not_allowed");
  const json::string* digits = IfBigInteger(value);
  if (digits != nullptr && (field.type == FieldType::kInteger || field.type == FieldType::kNumber))
    return TooBig(field, {digits->data(), digits->size()}, param);
  if (!HasType(value, field.type))
    return Fail(ErrorCode::kInvalidRequest,
                param + " must be " + std::string(FieldTypeName(field.type)), param,
                "invalid_type");
  INGLE_RETURN_IF_ERROR(CheckRange(field, value, param));
  if (field.use == FieldUse::kIgnored)
    warnings->push_back(
        {"ignored_field", param, param + " has no effect here: " + std::string(field.meaning)});
  return {};
}

const Field* FindField(std::span<const Field> table, std::string_view name) {
  for (const Field& field : table)
    if (field.name == name) return &field;
  return nullptr;
}

std::string Shown(std::string_view name) {
  return name.size() <= kShownNameBytes ? std::string(name)
                                        : std::to_string(name.size()) + "-byte name";
}

}  // namespace

std::string_view FieldTypeName(FieldType type) {
  switch (type) {
    case FieldType::kBool: return "true or false";
    case FieldType::kInteger: return "an integer";
    case FieldType::kNumber: return "a number";
    case FieldType::kString: return "a string";
    case FieldType::kStringOrStrings: return "a string or an array of strings";
    case FieldType::kArray: return "an array";
    case FieldType::kObject: return "an object";
    case FieldType::kAny: return "a value";
  }
  return "a value";
}

std::string RangeText(const Field& field) {
  if (field.min == field.max) return {};
  const auto text = field.type == FieldType::kInteger ? IntegerText : NumberText;
  return text(field.min) + (field.min_excluded ? " (excluded)" : "") + " to " + text(field.max);
}

std::optional<int64_t> AsInteger(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64() && value.get_uint64() <= INT64_MAX)
    return static_cast<int64_t>(value.get_uint64());
  constexpr double kExact =
      9007199254740992.0;  // 2^53: above it a double has lost the integer it stood for.
  if (value.is_double() && std::abs(value.get_double()) <= kExact &&
      std::trunc(value.get_double()) == value.get_double())
    return static_cast<int64_t>(value.get_double());
  return std::nullopt;
}

std::optional<uint64_t> AsUnsigned(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  const auto integer = AsInteger(value);
  return integer && *integer >= 0 ? std::optional(static_cast<uint64_t>(*integer)) : std::nullopt;
}

Result<FieldReader> FieldReader::Read(const json::object& body, std::span<const Field> table,
                                      std::vector<Warning>* warnings, std::string prefix) {
  FieldReader reader(body, table, std::move(prefix));
  size_t unknown = 0;
  for (const auto& [key, value] : body) {
    if (value.is_null()) continue;
    const std::string_view name(key.data(), key.size());
    const Field* field = FindField(table, name);
    if (field != nullptr) {
      INGLE_RETURN_IF_ERROR(CheckField(*field, value, reader.Param(name), warnings));
    } else if (++unknown <= kMaxUnknownWarnings) {
      const std::string shown = reader.Param(Shown(name));
      warnings->push_back(
          {"unknown_field", shown, shown + " is not a field of this endpoint and was ignored"});
    }
  }
  if (unknown > kMaxUnknownWarnings)
    warnings->push_back(
        {"unknown_field", "",
         std::to_string(unknown - kMaxUnknownWarnings) + " more unknown fields were ignored"});
  return reader;
}

const json::value* FieldReader::Find(std::string_view name) const {
  const Field* field = FindField(table_, name);
  const json::value* value = body_->if_contains(json::string_view(name.data(), name.size()));
  if (field == nullptr || value == nullptr || value->is_null()) return nullptr;
  // A neutral value may be of another type; it counts as absent.
  return HasType(*value, field->type) ? value : nullptr;
}

std::optional<bool> FieldReader::Bool(std::string_view name) const {
  const json::value* value = Find(name);
  return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

std::optional<int64_t> FieldReader::Integer(std::string_view name) const {
  const json::value* value = Find(name);
  return value == nullptr ? std::nullopt : AsInteger(*value);
}

std::optional<double> FieldReader::Number(std::string_view name) const {
  const json::value* value = Find(name);
  return value != nullptr && value->is_number() ? std::optional(Magnitude(*value)) : std::nullopt;
}

std::optional<std::string> FieldReader::String(std::string_view name) const {
  const json::value* value = Find(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string().data(), value->get_string().size());
}

}  // namespace ingle
