#pragma once
// For tests: the tiny models of tests/parity/architectures as whole directories, tokenizer
// included.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "convert/convert.h"
#include "files/test_directory.h"
#include "model/tiny_models.h"

namespace ingle {

inline constexpr char kTinyGoldens[] = INGLE_SOURCE_DIR "/tests/parity/architectures/goldens";

// Bytes and a few words that nothing merges; white space as in Llama 2 (models.py there).
inline std::string TinyTokenizerJson() {
  json::object vocabulary;
  json::array added;
  const auto add = [&](const std::string& piece) { vocabulary[piece] = vocabulary.size(); };
  for (const char* piece : {"<unk>", "<s>", "</s>"}) {
    added.push_back(
        {{"id", added.size()}, {"content", piece}, {"special", true}, {"normalized", false}});
    add(piece);
  }
  char text[8];
  for (int byte = 0; byte < 256; ++byte) {
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
    add(text);
  }
  while (vocabulary.size() < kTinyVocab) add("t" + std::to_string(vocabulary.size() - 259));
  const std::string space = "\xE2\x96\x81";
  return json::serialize(json::object{
      {"version", "1.0"},
      {"added_tokens", added},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers",
         {{{"type", "Prepend"}, {"prepend", space}},
          {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}}}}}},
      {"decoder", {{"type", "ByteFallback"}}},
      {"model",
       {{"type", "BPE"},
        {"unk_token", "<unk>"},
        {"byte_fallback", true},
        {"vocab", vocabulary},
        {"merges", json::array()}}}});
}

// Written under a directory that is gone with this object.
class TinyModel {
 public:
  explicit TinyModel(const std::string& name)
      : tiny_(std::string(kTinyGoldens) + "/" + name + ".json") {
    tiny_.Write(path());
    folder_.Write("model/tokenizer.json", TinyTokenizerJson());
  }

  const json::object& golden() const { return tiny_.golden(); }
  std::string path() const { return folder_.PathOf("model"); }
  std::string PathOf(std::string_view name) const { return folder_.PathOf(name); }
  void Write(std::string_view name, std::string_view bytes) const {
    folder_.Write("model/" + std::string(name), bytes);
  }
  json::object config() const { return tiny_.golden().at("config").as_object(); }
  // config.json with some fields changed.
  void WriteConfig(const json::object& changed) const {
    json::object all = config();
    for (const auto& [key, value] : changed) all[key] = value;
    Write("config.json", json::serialize(all));
  }

 private:
  TinyDirectory tiny_;
  TestDirectory folder_;
};

inline std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace ingle
