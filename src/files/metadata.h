#pragma once
// Key-value metadata of a model, whatever container it came from (GGUF keys, or config.json
// flattened with dots).

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ingle {

enum class Container : uint8_t { kGguf, kHuggingFace };

// Integers of every width widen to 64 bits; floats to double. Arrays hold one kind.
using MetadataValue = std::variant<bool, int64_t, uint64_t, double, std::string, std::vector<bool>,
                                   std::vector<int64_t>, std::vector<uint64_t>, std::vector<double>,
                                   std::vector<std::string>>;

class Metadata {
 public:
  Container container = Container::kGguf;
  std::map<std::string, MetadataValue, std::less<>> values;
  std::set<std::string, std::less<>> nulls;  // Keys that a JSON file gives, but as null.

  bool Has(std::string_view key) const { return values.find(key) != values.end(); }
  const MetadataValue* Find(std::string_view key) const;

  // Absent keys give nullopt/null; a value of another kind gives kCorruptFile naming the key.
  Result<std::optional<uint64_t>> Unsigned(std::string_view key) const;
  Result<std::optional<double>> Number(std::string_view key) const;
  Result<std::optional<bool>> Bool(std::string_view key) const;
  Result<const std::string*> String(std::string_view key) const;
  Result<const std::vector<std::string>*> Strings(std::string_view key) const;
  Result<std::vector<double>> Numbers(
      std::string_view key) const;  // Empty when absent; a scalar counts as one.
  Result<std::vector<int64_t>> Integers(
      std::string_view key) const;  // Empty when absent; a scalar counts as one.
};

// The decimal that the writer of a 32-bit float meant: 0.95 for 0.95f. Other values stay.
double ShortestDouble(double value);

}  // namespace ingle
