#pragma once
// Weights packed into bricks (16 output rows x 256 k) and the product with them. Pack and multiply are one unit.

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

struct PackedMatrix {
  DType type = DType::kF32;
  ActivationKind activation = kActivationF32;
  uint32_t rows = 0, cols = 0;
  const std::byte* data = nullptr;  // 64-byte aligned; owned by an arena.
};

// Bytes that packing a rows x cols matrix of this type takes. kUnsupported for types without a kernel.
Result<size_t> PackedBytes(DType type, uint32_t rows, uint32_t cols);
// Packs output rows [16*tile_begin, 16*tile_end); tiles are independent, so callers split them over threads.
void PackTiles(const TensorView& source, uint32_t tile_begin, uint32_t tile_end, std::byte* packed);
// Header for packed data.
Result<PackedMatrix> Packed(DType type, uint32_t rows, uint32_t cols, const std::byte* data);

// Bytes of one token's activations of this kind (64-byte multiple).
size_t ActivationBytes(ActivationKind kind, uint32_t cols);
// x: float[cols] of one token -> out: ActivationBytes.
void QuantizeActivations(const Kernels& kernels, ActivationKind kind, const float* x, uint32_t cols, std::byte* out);

// out[t * out_stride + r - row_begin] for r in [row_begin, row_end), both multiples of 16 (row_end may be rows).
// The bits of an output depend on its weights and its token's activations only.
void Multiply(const Kernels& kernels, const PackedMatrix& matrix, const std::byte* activations, uint32_t tokens,
              uint32_t row_begin, uint32_t row_end, float* out, size_t out_stride);

// One row back to float (token embedding from a tied head): out: float[cols].
void ReadRow(const PackedMatrix& matrix, uint32_t row, float* out);

}  // namespace ingle
