#include "files/gguf_shards.h"

#include <cstdio>
#include <utility>

#include "files/gguf_cursor.h"

namespace ingle {
namespace {

constexpr uint64_t kShardsMax = 4096;
constexpr std::string_view kIndexKey = "split.no", kCountKey = "split.count",
                           kTensorsKey = "split.tensors.count";

// "-00001-of-00003.gguf": the end of a shard's name. index counts from 0.
std::string ShardSuffix(uint64_t index, uint64_t count) {
  char text[64];
  std::snprintf(text, sizeof(text), "-%05llu-of-%05llu.gguf",
                static_cast<unsigned long long>(index + 1), static_cast<unsigned long long>(count));
  return text;
}

}  // namespace

Result<uint64_t> GgufShards::Number(const Metadata& metadata, std::string_view key) const {
  // Written as 16 bits without a sign or 32 bits with one.
  auto value = metadata.Unsigned(key);
  if (value) return value->value_or(0);
  Error error = std::move(value).error();
  error.message = files_.path_ + ": " + error.message;
  return std::unexpected(std::move(error));
}

void GgufShards::Take(GgufFile file) {
  const auto part = static_cast<uint32_t>(files_.maps_.size());
  GgufHeader header = std::move(file).TakeHeader();
  for (StoredTensor& tensor : header.tensors) {
    tensor.part = part;
    files_.tensors_.push_back(std::move(tensor));
  }
  if (part == 0) {
    files_.metadata_ = std::move(header.metadata);
    files_.gguf_version_ = header.version;
  }
  files_.maps_.push_back(std::move(file).TakeMap());
}

Status GgufShards::AddShard(const std::string& path, uint64_t index, uint64_t count) {
  auto opened = OpenGguf(path);
  if (!opened && opened.error().code == ErrorCode::kNotFound) {
    return BadModelFile(files_.path_ + " is the first of " + std::to_string(count) +
                        " files, and " + path +
                        " is not beside it; fetch every file of the model into one folder.");
  }
  if (!opened) return std::unexpected(std::move(opened).error());
  INGLE_TRY(const uint64_t own_index, Number(opened->metadata(), kIndexKey));
  INGLE_TRY(const uint64_t own_count, Number(opened->metadata(), kCountKey));
  if (own_index != index || own_count != count) {
    return BadModelFile(path + " says that it is file " + std::to_string(own_index + 1) + " of " +
                        std::to_string(own_count) + ", but its name and the first file say " +
                        std::to_string(index + 1) + " of " + std::to_string(count) +
                        "; fetch the model again.");
  }
  Take(std::move(*opened));
  return {};
}

Status GgufShards::Read() {
  INGLE_TRY(GgufFile first, OpenGguf(files_.path_));
  INGLE_TRY(const uint64_t index, Number(first.metadata(), kIndexKey));
  INGLE_TRY(const uint64_t count, Number(first.metadata(), kCountKey));
  INGLE_TRY(const uint64_t tensors, Number(first.metadata(), kTensorsKey));
  Take(std::move(first));
  files_.format_ = "GGUF " + std::to_string(files_.gguf_version_);
  if (count <= 1) return {};
  const std::string& path = files_.path_;
  const std::string suffix = ShardSuffix(index, count);
  if (count > kShardsMax || index != 0 || !path.ends_with(suffix)) {
    return BadModelFile(
        path + " is file " + std::to_string(index + 1) + " of " + std::to_string(count) +
            " of a split model; give the path of the first one, under the name that ends in '" +
            ShardSuffix(0, count) + "', with the others beside it.",
        std::string(kIndexKey));
  }
  const std::string stem = path.substr(0, path.size() - suffix.size());
  for (uint64_t i = 1; i < count; ++i)
    INGLE_RETURN_IF_ERROR(AddShard(stem + ShardSuffix(i, count), i, count));
  if (tensors != 0 && tensors != files_.tensors_.size()) {
    return BadModelFile(path + ": the model's " + std::to_string(count) + " files hold " +
                            std::to_string(files_.tensors_.size()) + " tensors together where '" +
                            std::string(kTensorsKey) + "' announces " + std::to_string(tensors) +
                            "; fetch the model again.",
                        std::string(kTensorsKey));
  }
  files_.format_ += " in " + std::to_string(count) + " files";
  return {};
}

}  // namespace ingle
