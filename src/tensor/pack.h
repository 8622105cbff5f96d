#pragma once
// Packing one tile of 16 rows, and turning a packed row back into the blocks of the model file, per
// weight type.

#include <cstddef>
#include <cstdint>

#include "formats/dtype.h"
#include "kernels/matmul.h"

namespace ingle {

struct PackFormat {
  DType type;
  WeightType weight;
  ActivationKind activation;
  uint32_t col_multiple;  // What cols must be a multiple of.
  size_t (*tile_bytes)(uint32_t cols);
  // rows: 1..16 rows, row_bytes apart, any alignment; the tile's other rows become zero codes.
  void (*pack_tile)(const std::byte* source, size_t row_bytes, uint32_t rows, uint32_t cols,
                    std::byte* tile);
  // The block of weights [block * block_weights, ...) of row `row` of a tile, as they were in the
  // file.
  void (*unpack_block)(const std::byte* tile, uint32_t cols, uint32_t row, uint32_t block,
                       std::byte* out);
  // What unpack_block gives: `type`, or F32 where packing has merged the scales of the file.
  DType unpacked;
};

// Null for a type without kernels.
const PackFormat* FindPackFormat(DType type);

// One per family, in pack_floats.cc, pack_small_blocks.cc and pack_super_blocks.cc.
extern const PackFormat kPackF32, kPackF16, kPackBf16;
extern const PackFormat kPackQ8_0, kPackQ4_0, kPackQ4_1, kPackQ5_0, kPackQ5_1;
extern const PackFormat kPackIQ4_NL, kPackIQ4_XS, kPackMXFP4;
extern const PackFormat kPackQ2_K, kPackQ3_K, kPackQ4_K, kPackQ5_K, kPackQ6_K;

}  // namespace ingle
