// Products of F32, F16 and BF16 weights in plain scalar code: the oracle of every other tier. The
// order of the float operations is the arithmetic contract; see kernels/README.md.
#include <bit>
#include <cmath>
#include <cstdint>

#include "formats/half.h"
#include "kernels/bricks.h"
#include "kernels/matmul.h"

namespace ingle {

extern const MatmulKernels kPortableFloats;

namespace {

// 16 partial sums by k modulo 16, then the halves folded onto each other: 8 + 8, 4 + 4, 2 + 2, 1
// + 1.
void MultiplyF32(const MultiplyArgs& args) {
  const uint32_t bricks = args.cols / 16 + (args.cols % 16 != 0);
  for (uint32_t row = 0; row < args.rows; ++row) {
    const auto* tile =
        reinterpret_cast<const BrickF32*>(args.weights) + size_t{row / kTileRows} * bricks;
    for (uint32_t t = 0; t < args.tokens; ++t) {
      const auto* a =
          reinterpret_cast<const ActivationF32*>(args.activations + t * args.activation_stride);
      float lanes[16] = {};
      for (uint32_t b = 0; b < bricks; ++b) {
        for (uint32_t i = 0; i < 16; ++i) {
          lanes[i] = std::fma(tile[b].w[row % kTileRows][i], a[b].x[i], lanes[i]);
        }
      }
      for (uint32_t half = 8; half > 0; half /= 2) {
        for (uint32_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
      }
      args.out[t * args.out_stride + row] = lanes[0];
    }
  }
}

// acc + (chain over even k + chain over odd k), both from zero: what AMX's TDPBF16PS computes for
// 32 k.
float AddProduct32(const float* w, const float* a, float acc) {
  float even = 0.0f, odd = 0.0f;
  for (uint32_t k = 0; k < 32; k += 2) {
    even = std::fma(w[k], a[k], even);
    odd = std::fma(w[k + 1], a[k + 1], odd);
  }
  return acc + (even + odd);
}

void MultiplyBf16(const MultiplyArgs& args) {
  const uint32_t bricks = args.cols / 32 + (args.cols % 32 != 0);
  const auto* weights = reinterpret_cast<const BrickHalf*>(args.weights);
  for (uint32_t row = 0; row < args.rows; ++row) {
    const BrickHalf* tile = weights + size_t{row / kTileRows} * bricks;
    for (uint32_t t = 0; t < args.tokens; ++t) args.out[t * args.out_stride + row] = 0.0f;
    for (uint32_t b = 0; b < bricks; ++b) {
      float w[32];
      for (uint32_t k = 0; k < 32; ++k) w[k] = Bf16ToF32(tile[b].w[k / 2][row % kTileRows][k % 2]);
      for (uint32_t t = 0; t < args.tokens; ++t) {
        const auto* a =
            reinterpret_cast<const ActivationBf16*>(args.activations + t * args.activation_stride);
        float& out = args.out[t * args.out_stride + row];
        out = AddProduct32(w, a[b].x, out);
      }
    }
  }
}

// w = hi + lo exactly: hi is w cut to bf16's 8 significant bits, lo the other 3. Three products per
// 32 k, each added as above: hi * hi, hi * lo, lo * hi (weight * activation).
void MultiplyF16(const MultiplyArgs& args) {
  const uint32_t bricks = args.cols / 32 + (args.cols % 32 != 0);
  const auto* weights = reinterpret_cast<const BrickHalf*>(args.weights);
  for (uint32_t row = 0; row < args.rows; ++row) {
    const BrickHalf* tile = weights + size_t{row / kTileRows} * bricks;
    for (uint32_t t = 0; t < args.tokens; ++t) args.out[t * args.out_stride + row] = 0.0f;
    for (uint32_t b = 0; b < bricks; ++b) {
      float hi[32], lo[32];
      for (uint32_t k = 0; k < 32; ++k) {
        const float w = F16ToF32(tile[b].w[k / 2][row % kTileRows][k % 2]);
        hi[k] = std::bit_cast<float>(std::bit_cast<uint32_t>(w) & 0xffff0000u);
        lo[k] = w - hi[k];
      }
      for (uint32_t t = 0; t < args.tokens; ++t) {
        const auto& a = reinterpret_cast<const ActivationBf16x2*>(args.activations +
                                                                  t * args.activation_stride)[b];
        float& out = args.out[t * args.out_stride + row];
        out = AddProduct32(hi, a.hi, out);
        out = AddProduct32(hi, a.lo, out);
        out = AddProduct32(lo, a.hi, out);
      }
    }
  }
}

constexpr MatmulKernels Table() {
  MatmulKernels table = {};
  table.multiply[kWeightF32] = MultiplyF32;
  table.multiply[kWeightF16] = MultiplyF16;
  table.multiply[kWeightBf16] = MultiplyBf16;
  return table;
}

}  // namespace

constinit const MatmulKernels kPortableFloats = Table();

}  // namespace ingle
