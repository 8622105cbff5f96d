#include "files/model_files.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <system_error>

#include "files/gguf_cursor.h"
#include "files/gguf_shards.h"
#include "files/hf_directory.h"
#include "files/quantized_layers.h"

namespace ingle {

const StoredTensor* ModelFiles::FindTensor(std::string_view name) const {
  const auto name_of = [this](uint32_t i) -> std::string_view { return tensors_[i].name; };
  const auto found = std::ranges::lower_bound(by_name_, name, {}, name_of);
  return found == by_name_.end() || name_of(*found) != name ? nullptr : &tensors_[*found];
}

std::span<const std::byte> ModelFiles::TensorBytes(const StoredTensor& tensor) const {
  return maps_[tensor.part].bytes().subspan(tensor.offset, tensor.bytes);
}

std::shared_ptr<const RowSource> ModelFiles::RowsOf(const StoredTensor& tensor) const {
  return tensor.made < 0 ? nullptr : made_[static_cast<size_t>(tensor.made)];
}

void ModelFiles::ReleasePages(std::span<const std::byte> bytes) const {
  for (const MappedFile& map : maps_) {
    const std::byte *begin = map.bytes().data(), *end = begin + map.size();
    if (bytes.data() < begin || bytes.data() >= end) continue;
    map.Release(static_cast<size_t>(bytes.data() - begin), bytes.size());
  }
}

Status ModelFiles::Finish() {
  for (const MappedFile& map : maps_) size_ += map.size();
  by_name_.resize(tensors_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  const auto name_of = [this](uint32_t i) -> const std::string& { return tensors_[i].name; };
  std::ranges::sort(by_name_, {}, name_of);
  const auto twin = std::ranges::adjacent_find(by_name_, {}, name_of);
  if (twin == by_name_.end()) return {};
  return BadModelFile(path_ + ": Tensor '" + name_of(*twin) +
                      "' appears in two of the model's files; fetch the model again.");
}

Result<ModelFiles> OpenModelFiles(const std::string& path, const OpenOptions& options) {
  std::error_code error;  // Whatever goes wrong here is named by opening the file.
  ModelFiles files;
  files.path_ = path;
  const auto check = [&]() -> Status {
    Status checked = options.check ? options.check(files.metadata_) : Status();
    if (!checked) checked.error().message = path + ": " + checked.error().message;
    return checked;
  };
  if (path.find('\0') == std::string::npos && std::filesystem::is_directory(path, error)) {
    HfDirectory directory(files);
    INGLE_RETURN_IF_ERROR(directory.ReadConfiguration());
    INGLE_RETURN_IF_ERROR(check());
    INGLE_RETURN_IF_ERROR(directory.ReadText());
    if (options.weights) {
      INGLE_RETURN_IF_ERROR(directory.ReadWeights());
      INGLE_RETURN_IF_ERROR(QuantizedLayers(files).Assemble());
    }
  } else {
    INGLE_RETURN_IF_ERROR(GgufShards(files).Read());
    INGLE_RETURN_IF_ERROR(check());
  }
  INGLE_RETURN_IF_ERROR(files.Finish());
  return files;
}

}  // namespace ingle
