#pragma once
// Reads a GGUF header forward, from memory or from a file through a small window (nothing is mapped
// yet).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/mapped_file.h"

namespace ingle {

// Every failure of a model file's contents: kCorruptFile, id "invalid_model_file".
std::unexpected<Error> BadModelFile(std::string message, std::string key = {});

class GgufCursor {
 public:
  explicit GgufCursor(std::span<const std::byte> bytes) : window_(bytes), size_(bytes.size()) {}
  explicit GgufCursor(const RegularFile& file);  // Must outlive the cursor.

  uint64_t position() const { return window_start_ + used_; }
  uint64_t remaining() const { return size_ - position(); }
  uint64_t size() const { return size_; }

  // `what` names the part in messages.
  Status Copy(void* out, uint64_t count, std::string_view what);

  template <class T>
  Result<T> Read(std::string_view what) {
    T value{};
    INGLE_RETURN_IF_ERROR(Copy(&value, sizeof(T), what));
    return value;
  }

 private:
  Status Refill();

  const RegularFile* file_ = nullptr;
  std::unique_ptr<std::byte[]> buffer_;
  std::span<const std::byte> window_;
  uint64_t window_start_ = 0, size_ = 0;
  size_t used_ = 0;
};

}  // namespace ingle
