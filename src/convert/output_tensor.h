#pragma once
// A tensor of the file to be written, and where its rows come from.

#include <cstdint>
#include <memory>
#include <vector>

#include "files/gguf_writer.h"
#include "files/model_files.h"
#include "files/row_source.h"
#include "formats/dtype.h"

namespace ingle {

// Rows that lie together in the model that is read.
struct RowsPiece {
  DType type = DType::kF32;
  uint64_t rows = 0, cols = 0;
  const std::byte* data = nullptr;               // Row after row; null where `source` makes them.
  std::shared_ptr<const RowSource> source = {};  // In blocks of `type`.
  const StoredTensor* stored = nullptr;          // Whose pages can go; null: none.
  std::shared_ptr<const std::vector<float>> made =
      {};           // What `data` points to where we computed it.
  float added = 0;  // To every element.
  // Not 0: in each head of so many rows, the halves of the first rope_dim rows alternate.
  uint32_t head_dim = 0, rope_dim = 0;
};

struct OutputTensor {
  GgufTensorEntry entry;
  std::vector<RowsPiece> pieces;  // One after the other.
};

}  // namespace ingle
