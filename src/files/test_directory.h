#pragma once
// For tests: a directory that is gone with this object, the bytes of safetensors files, and models
// that must be refused.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "files/model_files.h"

namespace ingle {

class TestDirectory {
 public:
  TestDirectory() {
    std::string path = "/tmp/ingle_test_XXXXXX";
    if (::mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TestDirectory() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string PathOf(std::string_view name) const { return path_ + "/" + std::string(name); }
  // Makes folders on the way.
  void Write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path path = PathOf(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }

 private:
  std::string path_;
};

// The message names the file at fault: another one of the same folder, where `path` is one of many.
inline void ExpectRefused(const std::string& path, const std::string& word,
                          ErrorCode code = ErrorCode::kCorruptFile) {
  const auto opened = OpenModelFiles(path);
  ASSERT_FALSE(opened) << "accepted; expected " << word;
  const std::string& said = opened.error().message;
  const bool folder = std::filesystem::is_directory(path);
  const std::string place = folder ? path : std::filesystem::path(path).parent_path().string();
  EXPECT_EQ(opened.error().code, code) << said;
  EXPECT_NE(said.find(word), std::string::npos) << said;
  EXPECT_NE(said.find(place), std::string::npos) << said;
}

class TestSafetensors {
 public:
  // shape: as the file writes it, rows first.
  TestSafetensors& Tensor(std::string_view name, std::string_view dtype,
                          const std::vector<uint64_t>& shape, std::string_view data) {
    std::string extents;
    for (const uint64_t extent : shape)
      extents += (extents.empty() ? "" : ",") + std::to_string(extent);
    entries_ += (entries_.empty() ? "\"" : ",\"") + std::string(name) + "\":{\"dtype\":\"" +
                std::string(dtype) + "\",\"shape\":[" + extents + "],\"data_offsets\":[" +
                std::to_string(data_.size()) + "," + std::to_string(data_.size() + data.size()) +
                "]}";
    data_ += data;
    return *this;
  }
  static std::string WithHeader(const std::string& header, std::string_view data = {}) {
    std::string bytes(8, '\0');
    const uint64_t length = header.size();
    std::memcpy(bytes.data(), &length, sizeof(length));
    return bytes + header + std::string(data);
  }
  std::string Bytes() const { return WithHeader("{" + entries_ + "}", data_); }

 private:
  std::string entries_, data_;
};

}  // namespace ingle
