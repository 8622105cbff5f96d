#include "tensor/packed_matrix.h"

#include <algorithm>
#include <string>

#include "base/checked.h"
#include "formats/dequantize.h"
#include "kernels/bricks.h"
#include "kernels/dispatch.h"
#include "tensor/pack.h"

namespace ingle {
namespace {

static_assert(kPackTileRows == kTileRows);

constexpr const PackFormat* kFormats[] = {&kPackF32,  &kPackF16,    &kPackBf16,   &kPackQ8_0,
                                          &kPackQ4_0, &kPackQ4_1,   &kPackQ5_0,   &kPackQ5_1,
                                          &kPackQ4_K, &kPackQ5_K,   &kPackQ6_K,   &kPackQ2_K,
                                          &kPackQ3_K, &kPackIQ4_NL, &kPackIQ4_XS, &kPackMXFP4};

constexpr size_t kMaxBlockBytes = 256;
constexpr uint32_t CeilDiv(uint32_t a, uint32_t b) { return a / b + (a % b != 0); }

// Each part is what the parts before have lost, as int8 per 32 inputs.
void QuantizeParts(const Kernels& kernels, const float* x, uint32_t cols, std::byte* out) {
  const QuantizeFunction quantize = kernels.matmul.quantize[kActivationQ8x32];
  auto* blocks = reinterpret_cast<ActivationQ8x32*>(out);
  const uint32_t stride = CeilDiv(cols, kBrickK);
  float lost[kBrickK];
  for (uint32_t b = 0; b < stride; ++b) {
    const uint32_t count = std::min(kBrickK, cols - b * kBrickK);
    std::copy_n(x + size_t{b} * kBrickK, count, lost);
    for (uint32_t part = 0; part < kActivationParts; ++part) {
      ActivationQ8x32& block = blocks[part * stride + b];
      quantize(lost, count, reinterpret_cast<uint8_t*>(&block));
      for (uint32_t i = 0; i < count; ++i)
        lost[i] -= static_cast<float>(block.q[i / kGroupK][i % kGroupK]) * block.d[i / kGroupK];
    }
  }
}

// The parts of every token's inputs as tokens of their own, then added up: weights are read once.
void MultiplyParts(const Kernels& kernels, WeightType weight, size_t tile_bytes,
                   const MultiplyArgs& args) {
  constexpr uint32_t kTokens = 80, kRows = 32;
  alignas(64) float sums[kActivationParts * kTokens * kRows];
  MultiplyArgs now = args;
  now.activation_stride = args.activation_stride / kActivationParts;
  now.out = sums;
  for (uint32_t token = 0; token < args.tokens; token += kTokens) {
    const uint32_t tokens = std::min(kTokens, args.tokens - token);
    const uint32_t most = kTokens * kRows / tokens / kTileRows * kTileRows;
    now.tokens = kActivationParts * tokens;
    now.activations = args.activations + token * args.activation_stride;
    for (uint32_t row = 0; row < args.rows; row += most) {
      now.weights = args.weights + row / kTileRows * tile_bytes;
      now.rows = std::min(most, args.rows - row);
      now.out_stride = now.rows;
      kernels.matmul.multiply[weight](now);
      const float* sum = sums;
      for (uint32_t t = 0; t < tokens; ++t, sum += kActivationParts * now.rows) {
        float* out = args.out + (token + t) * args.out_stride + row;
        for (uint32_t r = 0; r < now.rows; ++r)
          out[r] = (sum[r] + sum[now.rows + r]) + sum[2 * now.rows + r];
      }
    }
  }
}
static_assert(kActivationParts == 3);

}  // namespace

size_t RowBytes(const TensorView& view) {
  const DTypeInfo& info = Info(view.type);
  return size_t{view.cols / info.block_weights} * info.block_bytes;
}

const PackFormat* FindPackFormat(DType type) {
  for (const PackFormat* format : kFormats)
    if (format->type == type) return format;
  return nullptr;
}

Result<size_t> PackedBytes(DType type, uint32_t rows, uint32_t cols) {
  const PackFormat* format = FindPackFormat(type);
  const std::string name(Info(type).name);
  if (!format) {
    return Fail(ErrorCode::kUnsupported,
                "no kernel multiplies weights of type " + name +
                    "; convert the model to one of q4_k_m, q5_k_m, q6_k, q8_0, q4_0, f16 or bf16");
  }
  if (rows == 0 || cols == 0 || cols % format->col_multiple != 0) {
    return Fail(ErrorCode::kUnsupported, "a matrix of " + std::to_string(rows) + " rows of " +
                                             std::to_string(cols) + " weights cannot be of type " +
                                             name + ": rows hold whole blocks of " +
                                             std::to_string(format->col_multiple) + " weights");
  }
  const auto bytes = CheckedMultiply<size_t>(format->tile_bytes(cols), TileCount(rows));
  if (!bytes)
    return Fail(ErrorCode::kTooLarge, "a matrix of type " + name + " is too large to address");
  return *bytes;
}

void PackTiles(const TensorView& source, uint32_t tile_begin, uint32_t tile_end,
               std::byte* packed) {
  const PackFormat& format = *FindPackFormat(source.type);
  const size_t tile_bytes = format.tile_bytes(source.cols);
  const size_t row_bytes = RowBytes(source);
  for (uint32_t tile = tile_begin; tile < tile_end; ++tile) {
    const uint32_t row = tile * kTileRows;
    format.pack_tile(source.data + row * row_bytes, row_bytes,
                     std::min(kTileRows, source.rows - row), source.cols,
                     packed + tile * tile_bytes);
  }
}

Result<PackedMatrix> Packed(DType type, uint32_t rows, uint32_t cols, const std::byte* data) {
  INGLE_TRY([[maybe_unused]] const size_t bytes, PackedBytes(type, rows, cols));
  const PackFormat& format = *FindPackFormat(type);
  PackedMatrix matrix{.type = type,
                      .weight = format.weight,
                      .activation = format.activation,
                      .rows = rows,
                      .cols = cols,
                      .tile_bytes = format.tile_bytes(cols),
                      .feed = format.activation,
                      .data = data};
  return matrix;
}

void FeedParts(PackedMatrix& matrix) {
  if (matrix.activation != kActivationQ8x32) return;
  matrix.activation = kActivationQ8x32Parts;
  matrix.feed = kActivationQ8x32Parts;
}

size_t ActivationBytes(ActivationKind kind, uint32_t cols) {
  switch (kind) {
    case kActivationF32: return CeilDiv(cols, 16) * sizeof(ActivationF32);
    case kActivationBf16: return CeilDiv(cols, 32) * sizeof(ActivationBf16);
    case kActivationBf16x2: return CeilDiv(cols, 32) * sizeof(ActivationBf16x2);
    case kActivationQ8x32: return CeilDiv(cols, kBrickK) * sizeof(ActivationQ8x32);
    case kActivationQ8x256: return CeilDiv(cols, kBrickK) * sizeof(ActivationQ8x256);
    case kActivationQ8x32Parts: return kActivationParts * ActivationBytes(kActivationQ8x32, cols);
    case kActivationKinds: break;
  }
  return 0;
}

void QuantizeActivations(const Kernels& kernels, ActivationKind kind, const float* x, uint32_t cols,
                         std::byte* out) {
  EnterKernelThread();
  if (kind == kActivationQ8x32Parts) return QuantizeParts(kernels, x, cols, out);
  kernels.matmul.quantize[kind](x, cols, reinterpret_cast<uint8_t*>(out));
}

void Multiply(const Kernels& kernels, const PackedMatrix& matrix, const std::byte* activations,
              uint32_t tokens, uint32_t row_begin, uint32_t row_end, float* out,
              size_t out_stride) {
  EnterKernelThread();
  const size_t offset = row_begin / kTileRows * matrix.tile_bytes;
  const MultiplyArgs args = {.weights = reinterpret_cast<const uint8_t*>(matrix.data) + offset,
                             .rows = row_end - row_begin,
                             .cols = matrix.cols,
                             .activations = reinterpret_cast<const uint8_t*>(activations),
                             .activation_stride = ActivationBytes(matrix.activation, matrix.cols),
                             .tokens = tokens,
                             .out = out,
                             .out_stride = out_stride,
                             .pairs = kernels.matmul.pairs[matrix.weight]};
  if (matrix.activation == kActivationQ8x32Parts)
    return MultiplyParts(kernels, matrix.weight, matrix.tile_bytes, args);
  kernels.matmul.multiply[matrix.weight](args);
}

void ReadRow(const PackedMatrix& matrix, uint32_t row, float* out) {
  const PackFormat& format = *FindPackFormat(matrix.type);
  const DTypeInfo& info = Info(format.unpacked);
  const DequantizeFunction dequantize = FindDequantize(format.unpacked);
  const std::byte* tile = matrix.data + row / kTileRows * matrix.tile_bytes;
  std::byte block[kMaxBlockBytes];
  for (uint32_t b = 0; b < matrix.cols / info.block_weights; ++b) {
    format.unpack_block(tile, matrix.cols, row % kTileRows, b, block);
    dequantize(block, info.block_weights, out + size_t{b} * info.block_weights);
  }
}

}  // namespace ingle
