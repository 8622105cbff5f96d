#include "files/flat_json.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "files/gguf_cursor.h"
#include "files/printable.h"

namespace ingle {
namespace {

constexpr size_t kKeyBytesMax = 65535;  // As GGUF has it.

template <class T>
std::vector<T> ListOf(const json::array& array) {
  std::vector<T> list;
  for (const json::value& element : array) {
    if constexpr (std::is_same_v<T, std::string>) {
      list.emplace_back(element.as_string().c_str(), element.as_string().size());
    } else if constexpr (std::is_same_v<T, bool>) {
      list.push_back(element.as_bool());
    } else {
      list.push_back(element.to_number<T>());
    }
  }
  return list;
}

// nullopt: elements of several kinds, or none that a list can hold.
std::optional<MetadataValue> AsList(const json::array& array) {
  const auto all = [&](auto is) { return std::ranges::all_of(array, is); };
  if (all([](const json::value& v) { return v.is_string(); })) return ListOf<std::string>(array);
  if (all([](const json::value& v) { return v.is_bool(); })) return ListOf<bool>(array);
  if (all([](const json::value& v) { return v.is_int64(); })) return ListOf<int64_t>(array);
  if (all([](const json::value& v) {
        return v.is_uint64() || (v.is_int64() && v.as_int64() >= 0);
      }))
    return ListOf<uint64_t>(array);
  if (all([](const json::value& v) { return v.is_number(); })) return ListOf<double>(array);
  return std::nullopt;
}

class Flattener {
 public:
  Flattener(std::string_view what, Metadata* metadata) : what_(what), metadata_(metadata) {}

  // Depth is bounded by the parser's.
  Status Add(const std::string& key, const json::value& value) {
    if (value.is_null()) {
      metadata_->nulls.insert(key);
      return {};
    }
    if (const json::object* object = value.if_object()) return AddMembers(key + ".", *object);
    if (const json::array* array = value.if_array()) return AddArray(key, *array);
    if (const bool* truth = value.if_bool()) return Put(key, *truth);
    if (const int64_t* number = value.if_int64()) return Put(key, *number);
    if (const uint64_t* number = value.if_uint64()) return Put(key, *number);
    if (const double* number = value.if_double()) return Put(key, *number);
    return Put(key, std::string(value.as_string()));
  }

  Status AddMembers(const std::string& prefix, const json::object& object) {
    for (const auto& [name, value] : object) {
      const std::string key = prefix + std::string(name);
      if (key.size() > kKeyBytesMax || !IsPlainName(key)) {
        return BadModelFile(std::string(what_) + " names a value '" + Printable(key) +
                            "'; a name is valid UTF-8, without control characters and at most " +
                            std::to_string(kKeyBytesMax) + " bytes long.");
      }
      INGLE_RETURN_IF_ERROR(Add(key, value));
    }
    return {};
  }

 private:
  Status AddArray(const std::string& key, const json::array& array) {
    if (array.empty()) return {};
    if (auto list = AsList(array)) return Put(key, *std::move(list));
    for (size_t i = 0; i < array.size(); ++i)
      INGLE_RETURN_IF_ERROR(Add(key + "." + std::to_string(i), array[i]));
    return {};
  }

  Status Put(const std::string& key, MetadataValue value) {
    if (metadata_->values.try_emplace(key, std::move(value)).second) return {};
    return BadModelFile(std::string(what_) + " gives '" + Printable(key) + "' twice.", key);
  }

  std::string_view what_;
  Metadata* metadata_;
};

}  // namespace

Status AddFlatJson(std::string_view text, std::string_view what, const std::string& prefix,
                   Metadata* metadata) {
  auto parsed = ParseJson(text, what);
  if (!parsed) return BadModelFile(std::move(parsed).error().message + ".");
  const json::object* object = parsed->if_object();
  if (object == nullptr)
    return BadModelFile(std::string(what) + " holds something else than an object.");
  return Flattener(what, metadata).AddMembers(prefix, *object);
}

}  // namespace ingle
