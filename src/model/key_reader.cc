#include "model/key_reader.h"

#include <charconv>

namespace ingle {
namespace {

Status CheckSize(const std::string& name, int64_t value, uint64_t min, uint64_t max) {
  if (value >= static_cast<int64_t>(min) && static_cast<uint64_t>(value) <= max) return {};
  return Contradiction(name, "is " + std::to_string(value) + "; it must be from " +
                                 std::to_string(min) + " to " + std::to_string(max) +
                                 ", the limit of this build.");
}

// Where a config.json keeps what it says about the rotary embedding: newer ones with two kinds of
// layers, older ones, newer ones. transformers looks into them in this order.
std::string_view RopePrefix(const Metadata& metadata) {
  constexpr std::string_view kPrefixes[] = {"rope_parameters.full_attention.", "rope_scaling.",
                                            "rope_parameters."};
  for (const std::string_view prefix : kPrefixes)
    for (const std::string_view key : {"rope_type", "type", "rope_theta"})
      if (metadata.Has(std::string(prefix) + std::string(key))) return prefix;
  return "rope_scaling.";
}

std::string Filled(std::string_view pattern, std::string_view hole, std::string_view with) {
  std::string name(pattern);
  if (const size_t at = name.find(hole); at != std::string::npos)
    name.replace(at, hole.size(), with);
  return name;
}

}  // namespace

std::string KeyName(const Metadata& metadata, Key key) {
  if (metadata.container == Container::kHuggingFace) {
    const std::string_view prefix = RopePrefix(metadata);
    const std::string name = Filled(key.hf, "{rope}", prefix);
    const std::string other = Filled(key.hf_also, "{rope}", prefix);
    return metadata.Has(name) || other.empty() || !metadata.Has(other) ? name : other;
  }
  const auto architecture = metadata.String("general.architecture");
  return Filled(key.gguf, "{a}", architecture && *architecture != nullptr ? **architecture : "");
}

std::unexpected<Error> Contradiction(const std::string& key, const std::string& text) {
  return Fail(ErrorCode::kCorruptFile,
              "Key '" + key + "' " + text +
                  " The file is damaged or was converted wrongly: fetch or convert it again.",
              key, "invalid_model_file");
}

std::unexpected<Error> Unsupported(const std::string& key, const std::string& text) {
  return Fail(ErrorCode::kUnsupported, "Key '" + key + "' " + text, key);
}

std::string NumberText(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

Result<std::optional<uint32_t>> KeyReader::Size(Key key, uint64_t max) const {
  const std::string name = Name(key);
  INGLE_TRY(const auto values, metadata_.Integers(name));
  if (values.empty()) return std::nullopt;
  for (const int64_t value : values) {
    INGLE_RETURN_IF_ERROR(CheckSize(name, value, 1, max));
    if (value != values[0]) {
      return Unsupported(name,
                         "differs between layers; this build runs models whose layers are alike.");
    }
  }
  return static_cast<uint32_t>(values[0]);
}

Result<uint32_t> KeyReader::RequiredSize(Key key, uint64_t max) const {
  INGLE_TRY(const auto value, Size(key, max));
  if (!value) return Contradiction(Name(key), "is missing.");
  return *value;
}

Result<uint32_t> KeyReader::SizeOr(Key key, uint32_t fallback, uint64_t max) const {
  INGLE_TRY(const auto value, Size(key, max));
  return value.value_or(fallback);
}

Result<uint32_t> KeyReader::Count(Key key, uint64_t max) const {
  const std::string name = Name(key);
  INGLE_TRY(const auto values, metadata_.Integers(name));
  if (values.empty()) return 0u;
  INGLE_RETURN_IF_ERROR(CheckSize(name, values[0], 0, max));
  return static_cast<uint32_t>(values[0]);
}

Result<std::vector<uint32_t>> KeyReader::PerLayer(Key key, uint32_t count, uint32_t fallback,
                                                  uint64_t min, uint64_t max) const {
  const std::string name = Name(key);
  INGLE_TRY(const auto values, metadata_.Integers(name));
  if (values.empty()) return std::vector<uint32_t>(count, fallback);
  if (values.size() != 1 && values.size() != count) {
    return Contradiction(name, "lists " + std::to_string(values.size()) + " values for " +
                                   std::to_string(count) + " layers.");
  }
  std::vector<uint32_t> sizes;
  for (const int64_t value : values) {
    INGLE_RETURN_IF_ERROR(CheckSize(name, value, min, max));
    sizes.push_back(static_cast<uint32_t>(value));
  }
  sizes.resize(count, sizes[0]);
  return sizes;
}

Result<std::optional<double>> KeyReader::Real(Key key, double min, double max) const {
  const std::string name = Name(key);
  INGLE_TRY(const auto value, metadata_.Number(name));
  if (!value || (*value >= min && *value <= max)) return value;
  return Contradiction(name, "is " + NumberText(*value) + "; it must be from " + NumberText(min) +
                                 " to " + NumberText(max) + ".");
}

Result<double> KeyReader::RealOr(Key key, double fallback, double min, double max) const {
  INGLE_TRY(const auto value, Real(key, min, max));
  return value.value_or(fallback);
}

Result<bool> KeyReader::TruthOr(Key key, bool fallback) const {
  INGLE_TRY(const auto value, metadata_.Bool(Name(key)));
  return value.value_or(fallback);
}

Result<const std::string*> KeyReader::Text(Key key) const { return metadata_.String(Name(key)); }

Result<const std::vector<std::string>*> KeyReader::Texts(Key key) const {
  return metadata_.Strings(Name(key));
}

}  // namespace ingle
