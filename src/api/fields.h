#pragma once
// Request fields as data: name, type, range, meaning, what this version does with them. One table
// per endpoint gives the validation, the warnings, the tests and the documentation.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "request/event.h"

namespace ingle {

enum class FieldType : uint8_t {
  kBool,
  kInteger,
  kNumber,
  kString,
  kStringOrStrings,
  kArray,
  kObject,
  kAny
};
std::string_view FieldTypeName(FieldType type);  // "an integer"

enum class FieldUse : uint8_t {
  kHonoured,
  kIgnored,    // Accepted, has no effect, and a warning says so.
  kRefused,    // 400, because ignoring it would give another answer than the client asked for.
  kForbidden,  // 403: not for clients to decide.
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::kAny;
  double min = 0, max = 0;  // For numbers, both ends allowed; equal: no range.
  bool min_excluded = false;
  FieldUse use = FieldUse::kHonoured;
  std::string_view meaning;
  // JSON texts of values that change nothing, separated by '|': no warning and no refusal for
  // these.
  std::string_view neutral = {};
};

// "0 (excluded) to 1"; whole numbers exactly. Empty: the field has no range.
std::string RangeText(const Field& field);

// The fields of one request body. Nulls count as absent.
class FieldReader {
 public:
  // Checks every field of the table, which must outlive the reader, and notes those that are not in
  // it. `prefix` goes before names in errors ("sampling_params."). Field errors: kInvalidRequest or
  // kUnsupported with param.
  static Result<FieldReader> Read(const json::object& body, std::span<const Field> table,
                                  std::vector<Warning>* warnings, std::string prefix = {});

  // Null: absent, or not in the table (then nothing has checked it).
  const json::value* Find(std::string_view name) const;
  // Of a checked field; nullopt when absent.
  std::optional<bool> Bool(std::string_view name) const;
  std::optional<int64_t> Integer(std::string_view name) const;
  std::optional<double> Number(std::string_view name) const;
  std::optional<std::string> String(std::string_view name) const;
  std::string Param(std::string_view name) const { return prefix_ + std::string(name); }

 private:
  FieldReader(const json::object& body, std::span<const Field> table, std::string prefix)
      : body_(&body), table_(table), prefix_(std::move(prefix)) {}
  const json::object* body_;
  std::span<const Field> table_;
  std::string prefix_;
};

// Numbers that clients write as 10.0 count as integers; nothing else is converted.
std::optional<int64_t> AsInteger(const json::value& value);
std::optional<uint64_t> AsUnsigned(const json::value& value);

}  // namespace ingle
