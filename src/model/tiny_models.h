#pragma once
// The tiny models of tests/parity/architectures as directories of Hugging Face files: config and
// tensors' shapes are in their goldens, weights follow from the tensors' names (models.py there).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ingle {

inline constexpr uint32_t kTinyVocab = 272;

// SplitMix64 of a name's FNV hash, as numbers in [-1, 1).
inline std::vector<double> TinyStream(std::string_view name, size_t count) {
  uint64_t key = 0xCBF29CE484222325u;
  for (const char c : name) key = (key ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) {
    uint64_t z = key + (i + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    values[i] = static_cast<double>((z ^ (z >> 31)) >> 40) * 0x1p-23 - 1.0;
  }
  return values;
}

inline std::vector<int32_t> TinyTokens(size_t count) {
  std::vector<int32_t> tokens;
  for (const double word : TinyStream("tokens", count))
    tokens.push_back(static_cast<int32_t>(3 + (word + 1) / 2 * (kTinyVocab - 3)));
  return tokens;
}

// A golden as the name of a test.
inline std::string TinyTestName(const std::filesystem::path& golden) {
  std::string name = golden.stem().string();
  std::ranges::replace(name, '-', '_');
  return name;
}

class TinyDirectory {
 public:
  explicit TinyDirectory(const std::filesystem::path& golden) : name_(golden.stem().string()) {
    std::ifstream file(golden);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto parsed = ParseJson(text, name_);
    EXPECT_TRUE(parsed) << name_;
    if (parsed) golden_ = *std::move(parsed);
  }

  static std::vector<std::filesystem::path> Goldens(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".json") paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
  }

  const std::string& name() const { return name_; }
  const json::object& golden() const { return golden_.as_object(); }

  // Writes config.json and model.safetensors (F32). left_out: a first part that names lose.
  void Write(const std::filesystem::path& folder, std::string_view left_out = {}) const {
    const auto rename = [&](std::string_view name) {
      return std::string(name.starts_with(left_out) ? name.substr(left_out.size()) : name);
    };
    WriteAs(folder, golden().at("config").as_object(), rename);
  }

  // With another config, and other names; a tensor whose name becomes empty is left out.
  template <class Rename>
  void WriteAs(const std::filesystem::path& folder, const json::object& config,
               const Rename& rename) const {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "config.json") << json::serialize(config);
    json::object header;
    std::string data;
    for (const auto& [tensor, shape] : golden().at("tensors").as_object()) {
      const std::string name = rename(std::string_view(tensor));
      if (name.empty()) continue;
      const std::vector<float> values = Weights(tensor, shape.as_array());
      const size_t begin = data.size();
      data.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
      header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
    }
    std::string text = json::serialize(header);
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t length = text.size();
    std::ofstream file(folder / "model.safetensors", std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file << text << data;
  }

 private:
  std::vector<float> Weights(std::string_view tensor, const json::array& shape) const {
    size_t count = 1;
    for (const json::value& extent : shape) count *= extent.to_number<size_t>();
    const auto has = [&](std::string_view part) { return tensor.find(part) != tensor.npos; };
    const std::string family = name_.substr(0, name_.find('-'));
    double base = 0, scale = std::sqrt(3.0 / shape.back().to_number<double>());
    if (shape.size() == 1) {
      scale = 0.3;
      base = tensor.ends_with("weight") && family.find("gemma") == family.npos ? 1 : 0;
    } else if (has("embed") || has(".wte.") || has(".wpe.")) {
      scale = 0.2;
    } else if (has(".conv.conv.")) {
      scale = 0.8;
    }
    std::vector<float> values;
    for (const double value : TinyStream(family + ":" + std::string(tensor), count))
      values.push_back(static_cast<float>(value * scale + base));
    return values;
  }

  std::string name_;
  json::value golden_;
};

}  // namespace ingle
