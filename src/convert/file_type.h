#pragma once
// What --type names: the type that most of a file's matrices get, and which of them get another
// one. The mixes are those of llama.cpp (src/llama-quant.cpp), so that files of one name are alike.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/gguf_writer.h"
#include "files/metadata.h"
#include "formats/dtype.h"

namespace ingle {

struct FileType {
  std::string_view name;  // "Q4_K_M"
  uint32_t number;        // general.file_type
  DType type;
  bool more_bits;  // Some layers' values and down projections in Q6_K.
};

std::span<const FileType> AllFileTypes();
// In any case of letters. Null: there is none of that name.
const FileType* FindFileType(std::string_view name);
// The numbers of a file whose matrices are of this type, for files that keep their types.
const FileType* FileTypeOf(DType type);

constexpr bool IsQuantized(DType type) {
  return type != DType::kF32 && type != DType::kF16 && type != DType::kBF16;
}

// What a tensor's type depends on beside its name.
struct MixFacts {
  std::string architecture;  // As GGUF names it.
  uint32_t layers = 0, experts = 0, heads = 0, kv_heads = 0, width = 0;
  bool tied = true;                // No head of its own.
  std::vector<uint32_t> v_layers;  // That have values to attend to, ascending.
};
Result<MixFacts> MixFactsOf(const Metadata& metadata, std::span<const GgufTensorEntry> tensors);

// Whether --type decides about this tensor: matrices, but for those that are small and delicate.
bool IsConvertible(std::string_view name, std::span<const uint64_t> dims);

struct ChosenType {
  DType type;
  bool fell_back = false;  // Its rows are not whole blocks of the type it should have.
};
// For a convertible tensor.
ChosenType ChooseType(const FileType& file, const MixFacts& facts, std::string_view name,
                      std::span<const uint64_t> dims);

}  // namespace ingle
