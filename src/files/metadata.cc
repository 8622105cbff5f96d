#include "files/metadata.h"

#include <charconv>
#include <cstdlib>
#include <limits>
#include <type_traits>

namespace ingle {
namespace {

std::string_view KindName(const MetadataValue& value) {
  // In the order of MetadataValue's alternatives.
  constexpr std::string_view kNames[] = {"a truth value",
                                         "a whole number",
                                         "a whole number",
                                         "a number",
                                         "a string",
                                         "an array of truth values",
                                         "an array of whole numbers",
                                         "an array of whole numbers",
                                         "an array of numbers",
                                         "an array of strings"};
  return kNames[value.index()];
}

std::unexpected<Error> WrongKind(std::string_view key, const MetadataValue& value,
                                 std::string_view wanted) {
  return Fail(ErrorCode::kCorruptFile,
              "Key '" + std::string(key) + "' holds " + std::string(KindName(value)) + " where " +
                  std::string(wanted) +
                  " belongs; the file was written by a faulty converter: convert it again.",
              std::string(key), "invalid_model_file");
}

constexpr std::string_view kUnsigned = "a whole number that is not negative";
constexpr std::string_view kSigned = "a whole number";
constexpr std::string_view kNumber = "a number";

// Appends `value`, a scalar or an array of numbers, to `out`. False: another kind, or a number that
// T cannot hold.
template <class T>
bool AppendNumbers(const MetadataValue& value, std::vector<T>& out) {
  const auto append = [&out](auto number) {
    using Number = decltype(number);
    if constexpr (std::is_same_v<T, int64_t>) {
      if constexpr (std::is_same_v<Number, double>) return false;
      if constexpr (std::is_same_v<Number, uint64_t>) {
        if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return false;
      }
    }
    out.push_back(static_cast<T>(number));
    return true;
  };
  return std::visit(
      [&](const auto& held) {
        using Held = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, int64_t> || std::is_same_v<Held, uint64_t> ||
                      std::is_same_v<Held, double>) {
          return append(held);
        } else if constexpr (std::is_same_v<Held, std::vector<int64_t>> ||
                             std::is_same_v<Held, std::vector<uint64_t>> ||
                             std::is_same_v<Held, std::vector<double>>) {
          out.reserve(held.size());
          for (auto number : held) {
            if (!append(number)) return false;
          }
          return true;
        } else {
          return false;
        }
      },
      value);
}

}  // namespace

const MetadataValue* Metadata::Find(std::string_view key) const {
  const auto found = values.find(key);
  return found == values.end() ? nullptr : &found->second;
}

Result<std::optional<uint64_t>> Metadata::Unsigned(std::string_view key) const {
  const MetadataValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<uint64_t>(value)) return *number;
  const auto* number = std::get_if<int64_t>(value);
  if (number == nullptr) return WrongKind(key, *value, kUnsigned);
  if (*number < 0) {
    return Fail(
        ErrorCode::kCorruptFile,
        "Key '" + std::string(key) + "' is " + std::to_string(*number) + "; it cannot be negative.",
        std::string(key), "invalid_model_file");
  }
  return static_cast<uint64_t>(*number);
}

Result<std::optional<double>> Metadata::Number(std::string_view key) const {
  const MetadataValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* number = std::get_if<uint64_t>(value)) return static_cast<double>(*number);
  if (const auto* number = std::get_if<int64_t>(value)) return static_cast<double>(*number);
  return WrongKind(key, *value, kNumber);
}

Result<std::optional<bool>> Metadata::Bool(std::string_view key) const {
  const MetadataValue* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (const auto* truth = std::get_if<bool>(value)) return *truth;
  return WrongKind(key, *value, "a truth value");
}

Result<const std::string*> Metadata::String(std::string_view key) const {
  const MetadataValue* value = Find(key);
  if (value == nullptr) return nullptr;
  if (const auto* text = std::get_if<std::string>(value)) return text;
  return WrongKind(key, *value, "a string");
}

Result<const std::vector<std::string>*> Metadata::Strings(std::string_view key) const {
  const MetadataValue* value = Find(key);
  if (value == nullptr) return nullptr;
  if (const auto* texts = std::get_if<std::vector<std::string>>(value)) return texts;
  return WrongKind(key, *value, "an array of strings");
}

Result<std::vector<double>> Metadata::Numbers(std::string_view key) const {
  std::vector<double> numbers;
  const MetadataValue* value = Find(key);
  if (value != nullptr && !AppendNumbers(*value, numbers)) return WrongKind(key, *value, kNumber);
  return numbers;
}

Result<std::vector<int64_t>> Metadata::Integers(std::string_view key) const {
  std::vector<int64_t> numbers;
  const MetadataValue* value = Find(key);
  if (value != nullptr && !AppendNumbers(*value, numbers)) return WrongKind(key, *value, kSigned);
  return numbers;
}

double ShortestDouble(double value) {
  const auto narrow = static_cast<float>(value);
  if (static_cast<double>(narrow) != value) return value;
  char text[32];
  *std::to_chars(text, text + sizeof text - 1, narrow).ptr = '\0';
  return std::strtod(text, nullptr);
}

}  // namespace ingle
