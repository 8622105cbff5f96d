#include "files/gguf_cursor.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace ingle {
namespace {

constexpr size_t kWindowBytes = 256u << 10;

}  // namespace

std::unexpected<Error> BadModelFile(std::string message, std::string key) {
  return Fail(ErrorCode::kCorruptFile, std::move(message), std::move(key), "invalid_model_file");
}

GgufCursor::GgufCursor(const RegularFile& file)
    : file_(&file), buffer_(std::make_unique<std::byte[]>(kWindowBytes)), size_(file.size()) {}

Status GgufCursor::Copy(void* out, uint64_t count, std::string_view what) {
  if (count > remaining()) {
    return BadModelFile("The file ends too early: " + std::string(what) + " at byte " +
                        std::to_string(position()) + " needs " + std::to_string(count) +
                        " bytes, but only " + std::to_string(remaining()) +
                        " are left. It is truncated or damaged: fetch it again.");
  }
  auto* to = static_cast<std::byte*>(out);
  while (count > 0) {
    if (used_ == window_.size()) INGLE_RETURN_IF_ERROR(Refill());
    const size_t part = std::min<uint64_t>(count, window_.size() - used_);
    std::memcpy(to, window_.data() + used_, part);
    used_ += part;
    to += part;
    count -= part;
  }
  return {};
}

Status GgufCursor::Refill() {
  window_start_ += used_;
  used_ = 0;
  const size_t count = std::min<uint64_t>(kWindowBytes, size_ - window_start_);
  INGLE_RETURN_IF_ERROR(file_->ReadAt(window_start_, {buffer_.get(), count}));
  window_ = {buffer_.get(), count};
  return {};
}

}  // namespace ingle
