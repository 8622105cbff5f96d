#pragma once
// Random matrices, as in a model file and packed, and activations to feed them with.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <vector>

#include "formats/dequantize.h"
#include "formats/half.h"
#include "kernels/bricks.h"
#include "kernels/dispatch.h"
#include "tensor/packed_matrix.h"

namespace ingle {

// A bell curve of deviation 1 up to 4.9 to each side. Made of sums of integers, which are the same
// on every processor; the standard library's normal distribution calls the C library's logarithm.
inline float Bell(std::mt19937& random) {
  int32_t sum = 0;
  for (int i = 0; i < 8; ++i) sum += static_cast<int32_t>(random() >> 16) - 0x8000;
  return static_cast<float>(sum) * 0x1.3988ep-16f;  // sqrt(12 / 8) / 2^16
}

// 64-byte aligned bytes; the surroundings are poisoned by the address sanitizer.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : bytes_(new(std::align_val_t{64}) std::byte[bytes + 1]) {}
  std::byte* get() { return bytes_.get(); }

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Free> bytes_;
};

// A matrix of random bits with plausible scales: `source` as in a model file, at an odd address.
struct Sample {
  std::vector<std::byte> source;
  TensorView view;
  Buffer packed;
  PackedMatrix matrix;

  Sample(DType type, uint32_t rows, uint32_t cols, uint32_t seed)
      : packed(PackedBytes(type, rows, cols).value()) {
    const DTypeInfo& info = Info(type);
    const size_t blocks = size_t{rows} * (cols / info.block_weights);
    source.resize(blocks * info.block_bytes + 1);
    std::mt19937 random(seed);
    for (auto& byte : source) byte = static_cast<std::byte>(random());
    for (size_t b = 0; b < blocks; ++b) FixScales(type, &source[1 + b * info.block_bytes], random);
    view = {type, rows, cols, source.data() + 1};
    const uint32_t middle = TileCount(rows) / 2;
    std::memset(packed.get(), 0xff, PackedBytes(type, rows, cols).value());
    PackTiles(view, middle, TileCount(rows), packed.get());
    PackTiles(view, 0, middle, packed.get());
    matrix = Packed(type, rows, cols, packed.get()).value();
  }

  std::vector<float> Dequantized() const {
    std::vector<float> w(size_t{matrix.rows} * matrix.cols);
    FindDequantize(matrix.type)(view.data, w.size(), w.data());
    return w;
  }

 private:
  // Half floats of either sign: mostly 2^-9..2^-5, now and then subnormal or zero.
  static void PutHalf(std::byte* at, std::mt19937& random) {
    uint32_t exponent = 6 + random() % 4;
    if (random() % 64 == 0) exponent = 0;
    const auto bits = static_cast<uint16_t>((random() & 0x83ff) | exponent << 10);
    std::memcpy(at, &bits, 2);
  }

  static void FixScales(DType type, std::byte* block, std::mt19937& random) {
    switch (type) {
      case DType::kF32: {
        const float w = 0.03f * Bell(random);
        std::memcpy(block, &w, 4);
        break;
      }
      case DType::kBF16: {
        const uint16_t w = F32ToBf16(0.03f * Bell(random));
        std::memcpy(block, &w, 2);
        break;
      }
      case DType::kF16: PutHalf(block, random); break;
      case DType::kQ6_K: PutHalf(block + 208, random); break;
      case DType::kQ3_K: PutHalf(block + 108, random); break;
      case DType::kQ2_K:
        PutHalf(block + 80, random);
        PutHalf(block + 82, random);
        break;
      case DType::kMXFP4: block[0] = static_cast<std::byte>(116 + random() % 8); break;
      case DType::kQ4_1:
      case DType::kQ5_1:
      case DType::kQ4_K:
      case DType::kQ5_K: PutHalf(block + 2, random); [[fallthrough]];
      default: PutHalf(block, random);
    }
  }
};

inline std::vector<float> RandomActivations(uint32_t tokens, uint32_t cols, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> x(size_t{tokens} * cols);
  for (auto& v : x) {
    v = Bell(random);
    if (random() % 100 == 0) v *= 20.0f;
  }
  // A group of zeros, one of subnormals, ties between two integers, and exact powers of two.
  for (uint32_t i = 0; i < 32 && i < cols; ++i) x[i] = 0.0f;
  for (uint32_t i = 32; i < 64 && i < cols; ++i) x[i] = 1e-40f;
  for (uint32_t i = 64; i < 96 && i < cols; ++i) x[i] = static_cast<float>(i) - 79.5f;
  if (cols > 96) x[64] = 127.0f;
  return x;
}

struct Activations {
  size_t stride;
  Buffer bytes;
  Activations(const Kernels& kernels, ActivationKind kind, const std::vector<float>& x,
              uint32_t tokens, uint32_t cols)
      : stride(ActivationBytes(kind, cols)), bytes(stride * tokens) {
    std::memset(bytes.get(), 0xff, stride * tokens);
    for (uint32_t t = 0; t < tokens; ++t) {
      QuantizeActivations(kernels, kind, &x[size_t{t} * cols], cols, bytes.get() + t * stride);
    }
  }

  // Makes activations of two tiers comparable: each orders four bf16 numbers as it wants.
  void SortBf16(ActivationKind kind, uint32_t tokens) {
    const auto sort = [](uint16_t(&bits)[32]) {
      for (uint32_t i = 0; i < 32; i += 4) std::sort(bits + i, bits + i + 4);
    };
    if (kind == kActivationBf16)
      for (ActivationBf16& a : Blocks<ActivationBf16>(tokens)) sort(a.bits);
    if (kind == kActivationBf16x2)
      for (ActivationBf16x2& a : Blocks<ActivationBf16x2>(tokens)) {
        sort(a.hi_bits);
        sort(a.lo_bits);
      }
  }

 private:
  template <class Block>
  std::span<Block> Blocks(uint32_t tokens) {
    return {reinterpret_cast<Block*>(bytes.get()), stride * tokens / sizeof(Block)};
  }
};

inline const Kernels& Portable() { return *SupportedKernels().back(); }

}  // namespace ingle
