#pragma once
// A model as its user names it, opened: a GGUF file, the first file of a split one, or a directory
// as Hugging Face publishes it. Whoever looks at a model goes through here and sees metadata and a
// table of tensors, whatever the container.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/metadata.h"
#include "files/row_source.h"
#include "files/stored_tensor.h"
#include "os/mapped_file.h"

namespace ingle {

// Keys under which a directory's files appear, as a GGUF file would have them. A directory's
// config.json is flattened without a prefix (files/flat_json.h).
inline constexpr std::string_view kTokenizerJsonKey = "tokenizer.huggingface.json";  // The bytes.
inline constexpr std::string_view kChatTemplateKey = "tokenizer.chat_template";
// Further templates by name: "tokenizer.chat_template.tool_use".
inline constexpr std::string_view kNamedTemplatePrefix = "tokenizer.chat_template.";
// Prefixes of other files' keys.
inline constexpr std::string_view kGenerationConfigPrefix = "generation_config.";
inline constexpr std::string_view kTokenizerConfigPrefix = "tokenizer_config.";
inline constexpr std::string_view kSpecialTokensPrefix = "special_tokens_map.";
inline constexpr std::string_view kQuantizationPrefix = "quantization_config.";

struct OpenOptions;

class ModelFiles {
 public:
  const Metadata& metadata() const { return metadata_; }
  std::span<const StoredTensor> tensors() const { return tensors_; }  // No name twice.
  const StoredTensor* FindTensor(std::string_view name) const;        // Null: there is none.
  std::span<const std::byte> TensorBytes(const StoredTensor& tensor) const;
  // Null: the tensor's bytes are its rows.
  std::shared_ptr<const RowSource> RowsOf(const StoredTensor& tensor) const;
  uint64_t size() const { return size_; }                  // Of all its files.
  const std::string& path() const { return path_; }        // As it was opened.
  const std::string& format() const { return format_; }    // "GGUF 3", "safetensors": for people.
  uint32_t gguf_version() const { return gguf_version_; }  // 0: it is not GGUF.
  size_t parts() const { return maps_.size(); }            // Files that hold weights.
  std::span<const MappedFile> maps() const { return maps_; }

  // Drops the pages of weights that have been packed, so that file and packed weights are not both
  // in memory.
  void ReleasePages(const StoredTensor& tensor) const { ReleasePages(tensor, 0, tensor.bytes); }
  // The same for [begin, begin + length) of its bytes.
  void ReleasePages(const StoredTensor& tensor, uint64_t begin, uint64_t length) const {
    maps_[tensor.part].Release(tensor.offset + begin, length);
  }
  // The same for bytes of one of the maps.
  void ReleasePages(std::span<const std::byte> bytes) const;
  void WillNeed(const StoredTensor& tensor) const {
    maps_[tensor.part].WillNeed(tensor.offset, tensor.bytes);
  }

 private:
  friend Result<ModelFiles> OpenModelFiles(const std::string& path, const OpenOptions& options);
  friend class GgufShards;
  friend class HfDirectory;
  friend class QuantizedLayers;

  // After all parts are there: sums sizes, refuses a name that two tensors have.
  Status Finish();

  std::string path_, format_;
  std::vector<MappedFile> maps_;
  std::vector<StoredTensor> tensors_;  // In the order of the files, then of their tables.
  std::vector<uint32_t> by_name_;      // Into tensors_.
  std::vector<std::shared_ptr<const RowSource>> made_;
  Metadata metadata_;
  uint64_t size_ = 0;
  uint32_t gguf_version_ = 0;
};

struct OpenOptions {
  // False: a directory's weights are not looked at (there are no tensors then), which whoever
  // wants its vocabulary or its template only does not need.
  bool weights = true;
  // Called with the metadata before a directory's weights are opened, and after the header of a
  // GGUF file: so that a model of an unknown kind is refused as that first.
  std::function<Status(const Metadata&)> check = {};
};

// Errors begin with the path at fault.
Result<ModelFiles> OpenModelFiles(const std::string& path, const OpenOptions& options = {});

}  // namespace ingle
