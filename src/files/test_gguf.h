#pragma once
// Writes GGUF bytes for tests: well-formed ones from simple calls, and any malformation through the
// raw ones.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/dtype.h"

namespace ingle {

class TestGguf {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;  // Of what is written; say so in a key of its own.

  template <class T>
  static std::string Le(T value) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    return bytes;
  }
  static std::string Text(std::string_view text) {
    return Le<uint64_t>(text.size()) + std::string(text);
  }

  // Replaces an earlier value of the same key. kind: GGUF's value type.
  TestGguf& Raw(std::string_view key, uint32_t kind, std::string payload) {
    Remove(key);
    keys_.emplace_back(std::string(key), Le(kind) + std::move(payload));
    return *this;
  }
  // Does not replace.
  TestGguf& Again(std::string_view key, uint32_t kind, std::string payload) {
    keys_.emplace_back(std::string(key), Le(kind) + std::move(payload));
    return *this;
  }
  TestGguf& U32(std::string_view key, uint32_t value) { return Raw(key, 4, Le(value)); }
  TestGguf& I32(std::string_view key, int32_t value) { return Raw(key, 5, Le(value)); }
  TestGguf& F32(std::string_view key, float value) { return Raw(key, 6, Le(value)); }
  TestGguf& Bool(std::string_view key, bool value) { return Raw(key, 7, Le<uint8_t>(value)); }
  TestGguf& String(std::string_view key, std::string_view value) {
    return Raw(key, 8, Text(value));
  }
  TestGguf& Strings(std::string_view key, const std::vector<std::string>& values) {
    std::string payload = Le<uint32_t>(8) + Le<uint64_t>(values.size());
    for (const std::string& value : values) payload += Text(value);
    return Raw(key, 9, payload);
  }
  TestGguf& U32s(std::string_view key, const std::vector<uint32_t>& values) {
    std::string payload = Le<uint32_t>(4) + Le<uint64_t>(values.size());
    for (const uint32_t value : values) payload += Le(value);
    return Raw(key, 9, payload);
  }
  TestGguf& Remove(std::string_view key) {
    std::erase_if(keys_, [&](const auto& entry) { return entry.first == key; });
    return *this;
  }

  // Placed after the tensor before it; zeros where no data is given. type: ggml's number.
  TestGguf& Tensor(std::string_view name, std::vector<uint64_t> dims, DType type = DType::kF32,
                   std::string data = {}) {
    uint64_t bytes = Info(type).block_bytes;
    for (const uint64_t extent : dims) bytes *= extent;
    bytes /= Info(type).block_weights;
    data.resize(bytes);
    const uint64_t offset = data_.size();
    data_ += data;
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    return TensorAt(name, std::move(dims), static_cast<uint32_t>(type), offset);
  }
  // Only the entry of the table.
  TestGguf& TensorAt(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                     uint64_t offset) {
    tensors_.push_back({std::string(name), std::move(dims), type, offset});
    return *this;
  }
  TestGguf& RemoveTensor(std::string_view name) {
    std::erase_if(tensors_, [&](const Entry& entry) { return entry.name == name; });
    return *this;
  }
  TestGguf& Data(size_t bytes) {
    data_.resize(data_.size() + bytes);
    return *this;
  }

  // counts: what the header announces, where that is a lie.
  std::string Header(uint64_t tensor_count, uint64_t key_count) const {
    std::string bytes = "GGUF" + Le(version) + Le(tensor_count) + Le(key_count);
    for (const auto& [key, value] : keys_) bytes += Text(key) + value;
    for (const Entry& entry : tensors_) {
      bytes += Text(entry.name) + Le(static_cast<uint32_t>(entry.dims.size()));
      for (const uint64_t extent : entry.dims) bytes += Le(extent);
      bytes += Le(entry.type) + Le(entry.offset);
    }
    return bytes;
  }
  std::string Bytes() const {
    std::string bytes = Header(tensors_.size(), keys_.size());
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
    return bytes + data_;
  }

 private:
  struct Entry {
    std::string name;
    std::vector<uint64_t> dims;
    uint32_t type = 0;
    uint64_t offset = 0;
  };
  std::vector<std::pair<std::string, std::string>> keys_;
  std::vector<Entry> tensors_;
  std::string data_;
};

// One key of every kind, three tensors.
inline TestGguf EveryKindOfValue() {
  TestGguf file = TestGguf().String("general.architecture", "llama");
  file.U32("general.alignment", 32).F32("pi", 3.5f).Bool("yes", true).I32("minus", -7);
  file.Strings("tokens", {"a", "é", "<|end|>"})
      .U32s("sizes", {1, 2, 3})
      .Raw("wide", 10, TestGguf::Le(uint64_t{1} << 40));
  file.Raw("byte", 0, TestGguf::Le<uint8_t>(200)).Raw("small", 1, TestGguf::Le<int8_t>(-3));
  file.Raw("word", 2, TestGguf::Le<uint16_t>(60000)).Raw("short", 3, TestGguf::Le<int16_t>(-300));
  file.Raw("long", 11, TestGguf::Le<int64_t>(-5)).Raw("double", 12, TestGguf::Le(0.25));
  file.Raw("flags", 9,
           TestGguf::Le<uint32_t>(7) + TestGguf::Le<uint64_t>(3) + std::string("\1\0\1", 3));
  file.Raw("empty", 9, TestGguf::Le<uint32_t>(8) + TestGguf::Le<uint64_t>(0));
  file.Tensor("matrix", {64, 3}, DType::kQ8_0)
      .Tensor("vector", {5})
      .Tensor("k", {256, 2}, DType::kQ4_K);
  return file;
}

// A file with these bytes that is gone when this object is.
class TestFile {
 public:
  explicit TestFile(std::string_view bytes) {
    const int descriptor = ::mkstemp(path_.data());
    if (FILE* file = ::fdopen(descriptor, "wb")) {
      std::fwrite(bytes.data(), 1, bytes.size(), file);
      std::fclose(file);
    }
  }
  ~TestFile() { ::unlink(path_.c_str()); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/ingle_test_XXXXXX";
};

}  // namespace ingle
