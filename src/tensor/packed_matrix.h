#pragma once
// Weights packed into bricks (16 output rows x 256 k) and the product with them. Pack and multiply
// are one unit.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "formats/dtype.h"
#include "kernels/kernels.h"

namespace ingle {

// A matrix as it lies in a model file: row-major, rows x cols weights, blocks along cols.
struct TensorView {
  DType type = DType::kF32;
  uint32_t rows = 0, cols = 0;
  const std::byte* data = nullptr;  // Any alignment.
};

// Bytes of one of its rows.
size_t RowBytes(const TensorView& view);

struct PackedMatrix {
  DType type = DType::kF32;
  WeightType weight = kWeightF32;              // The kernel that multiplies it,
  ActivationKind activation = kActivationF32;  // and what that wants to be fed with.
  uint32_t rows = 0, cols = 0;
  size_t tile_bytes = 0;  // Of 16 rows.
  // Column j multiplies input input_order[j] (act-order of GPTQ); null: input j. Whoever quantises
  // the inputs puts them in this order first.
  const uint32_t* input_order = nullptr;
  uint8_t feed =
      kActivationF32;  // Of the activations made for several matrices, which are its own.
  const std::byte* data = nullptr;  // 64-byte aligned; owned by an arena.
};

inline constexpr uint32_t kPackTileRows = 16;
constexpr uint32_t TileCount(uint32_t rows) {
  return rows / kPackTileRows + (rows % kPackTileRows != 0);
}

// Bytes that packing a rows x cols matrix of this type takes (a multiple of 64). kUnsupported for
// types without a kernel and for cols that are not a multiple of the type's block.
Result<size_t> PackedBytes(DType type, uint32_t rows, uint32_t cols);
// Packs output rows [16*tile_begin, 16*tile_end) of a matrix that PackedBytes accepted; tiles are
// independent, so callers split them over threads. `packed` is where tile 0 goes.
void PackTiles(const TensorView& source, uint32_t tile_begin, uint32_t tile_end, std::byte* packed);
// Header for packed data.
Result<PackedMatrix> Packed(DType type, uint32_t rows, uint32_t cols, const std::byte* data);

// Lets a matrix fed with int8 per 32 inputs be fed with the inputs in parts of them: the results
// are those of floats, for three times the products.
void FeedParts(PackedMatrix& matrix);

// Bytes of one token's activations of this kind (64-byte multiple).
size_t ActivationBytes(ActivationKind kind, uint32_t cols);
// x: float[cols] of one token -> out: ActivationBytes, 64-byte aligned. Infinities and NaNs make
// the token's (or the group's) outputs NaN.
void QuantizeActivations(const Kernels& kernels, ActivationKind kind, const float* x, uint32_t cols,
                         std::byte* out);

// out[t * out_stride + r - row_begin] for r in [row_begin, row_end), both multiples of 16 (row_end
// may be rows). activations: tokens x ActivationBytes, 64-byte aligned. The bits of an output
// depend on its weights and its token's activations only.
void Multiply(const Kernels& kernels, const PackedMatrix& matrix, const std::byte* activations,
              uint32_t tokens, uint32_t row_begin, uint32_t row_end, float* out, size_t out_stride);

// One row back to float (token embedding from a tied head): out: float[cols]. The same values as
// dequantising the model file's row.
void ReadRow(const PackedMatrix& matrix, uint32_t row, float* out);

}  // namespace ingle
