#include "formats/dequantize.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "formats/blocks.h"
#include "formats/half.h"

namespace ingle {
namespace {

template <class Block>
Block Load(const std::byte* blocks, size_t index) {
  Block block;
  std::memcpy(&block, blocks + index * sizeof(Block), sizeof(Block));
  return block;
}

void FromF32(const std::byte* blocks, size_t weights, float* out) {
  std::memcpy(out, blocks, weights * sizeof(float));
}

void FromF16(const std::byte* blocks, size_t weights, float* out) {
  for (size_t i = 0; i < weights; ++i) out[i] = F16ToF32(Load<uint16_t>(blocks, i));
}

void FromBf16(const std::byte* blocks, size_t weights, float* out) {
  for (size_t i = 0; i < weights; ++i) out[i] = Bf16ToF32(Load<uint16_t>(blocks, i));
}

void FromQ8_0(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockQ8_0>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t i = 0; i < kSmallBlock; ++i) *out++ = d * static_cast<float>(block.q[i]);
  }
}

uint32_t Nibble(const uint8_t* q, uint32_t i) { return i < 16 ? q[i] & 15u : q[i - 16] >> 4; }
uint32_t FifthBit(const uint8_t* high, uint32_t i) { return (high[i / 8] >> (i % 8) & 1u) << 4; }

void FromQ4_0(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockQ4_0>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t i = 0; i < kSmallBlock; ++i)
      *out++ = d * (static_cast<float>(Nibble(block.q, i)) - 8.0f);
  }
}

void FromQ4_1(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockQ4_1>(blocks, b);
    const float d = F16ToF32(block.d), m = F16ToF32(block.m);
    for (uint32_t i = 0; i < kSmallBlock; ++i)
      *out++ = d * static_cast<float>(Nibble(block.q, i)) + m;
  }
}

void FromQ5_0(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockQ5_0>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t i = 0; i < kSmallBlock; ++i) {
      *out++ = d * (static_cast<float>(Nibble(block.q, i) | FifthBit(block.high, i)) - 16.0f);
    }
  }
}

void FromQ5_1(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockQ5_1>(blocks, b);
    const float d = F16ToF32(block.d), m = F16ToF32(block.m);
    for (uint32_t i = 0; i < kSmallBlock; ++i) {
      *out++ = d * static_cast<float>(Nibble(block.q, i) | FifthBit(block.high, i)) + m;
    }
  }
}

// Groups of 32 weights with a scale and a minimum each. quant: the integer of weight i of a group.
template <class Block, class Quant>
void FromGroups(const std::byte* blocks, size_t weights, float* out, const Quant& quant) {
  for (size_t b = 0; b < weights / kSuperBlock; ++b) {
    const auto block = Load<Block>(blocks, b);
    const float d = F16ToF32(block.d), dmin = F16ToF32(block.dmin);
    for (uint32_t group = 0; group < 8; ++group) {
      const ScaleMin packed = UnpackScaleMin(block.scales, group);
      const float scale = d * static_cast<float>(packed.scale),
                  min = dmin * static_cast<float>(packed.min);
      for (uint32_t i = 0; i < 32; ++i)
        *out++ = scale * static_cast<float>(quant(block, group, i)) - min;
    }
  }
}

template <class Block>
uint32_t NibbleOfGroup(const Block& block, uint32_t group, uint32_t i) {
  return block.q[group / 2 * 32 + i] >> (group % 2 * 4) & 15u;
}

void FromQ4_K(const std::byte* blocks, size_t weights, float* out) {
  FromGroups<BlockQ4_K>(blocks, weights, out, NibbleOfGroup<BlockQ4_K>);
}

void FromQ5_K(const std::byte* blocks, size_t weights, float* out) {
  FromGroups<BlockQ5_K>(blocks, weights, out, [](const auto& block, uint32_t group, uint32_t i) {
    return NibbleOfGroup(block, group, i) | (block.high[i] >> group & 1u) << 4;
  });
}

void FromQ6_K(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSuperBlock; ++b) {
    const auto block = Load<BlockQ6_K>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t index = 0; index < kSuperBlock; ++index) {
      const uint32_t half = index / 128, k = index % 128 / 32, i = index % 32;
      const uint32_t nibble = block.low[half * 64 + k % 2 * 32 + i] >> (k / 2 * 4) & 15u;
      const uint32_t pair = block.high[half * 32 + i] >> (2 * k) & 3u;
      const float scale = d * static_cast<float>(block.scales[index / 16]);
      *out++ = scale * (static_cast<float>(nibble | pair << 4) - 32.0f);
    }
  }
}

void FromQ2_K(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSuperBlock; ++b) {
    const auto block = Load<BlockQ2_K>(blocks, b);
    const float d = F16ToF32(block.d), dmin = F16ToF32(block.dmin);
    for (uint32_t index = 0; index < kSuperBlock; ++index) {
      const uint32_t half = index / 128, k = index % 128 / 32, i = index % 32;
      const uint32_t q = block.q[half * 32 + i] >> (2 * k) & 3u;
      const uint8_t packed = block.scales[index / 16];
      const float scale = d * static_cast<float>(packed & 15),
                  min = dmin * static_cast<float>(packed >> 4);
      *out++ = scale * static_cast<float>(q) - min;
    }
  }
}

void FromQ3_K(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSuperBlock; ++b) {
    const auto block = Load<BlockQ3_K>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t index = 0; index < kSuperBlock; ++index) {
      const uint32_t half = index / 128, k = index % 128 / 32, i = index % 32;
      const uint32_t low = block.q[half * 32 + i] >> (2 * k) & 3u;
      const uint32_t third = block.high[i] >> (index / 32) & 1u;
      const float scale = d * static_cast<float>(UnpackScaleQ3_K(block.scales, index / 16));
      *out++ = scale * (static_cast<float>(low | third << 2) - 4.0f);
    }
  }
}

// 32 weights of a codebook.
float* FromCodes(const uint8_t* q, const int8_t (&values)[16], float d, float* out) {
  for (uint32_t i = 0; i < kSmallBlock; ++i) *out++ = d * static_cast<float>(values[Nibble(q, i)]);
  return out;
}

void FromIQ4_NL(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockIQ4_NL>(blocks, b);
    out = FromCodes(block.q, kIq4Values, F16ToF32(block.d), out);
  }
}

void FromIQ4_XS(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSuperBlock; ++b) {
    const auto block = Load<BlockIQ4_XS>(blocks, b);
    const float d = F16ToF32(block.d);
    for (uint32_t group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(UnpackScaleIQ4_XS(block, group));
      out = FromCodes(block.q + group * 16, kIq4Values, scale, out);
    }
  }
}

void FromMXFP4(const std::byte* blocks, size_t weights, float* out) {
  for (size_t b = 0; b < weights / kSmallBlock; ++b) {
    const auto block = Load<BlockMXFP4>(blocks, b);
    out =
        FromCodes(block.q, kMxfp4Values, std::bit_cast<float>(Mxfp4ScaleBits(block.exponent)), out);
  }
}

}  // namespace

DequantizeFunction FindDequantize(DType type) {
  switch (type) {
    case DType::kF32: return FromF32;
    case DType::kF16: return FromF16;
    case DType::kBF16: return FromBf16;
    case DType::kQ8_0: return FromQ8_0;
    case DType::kQ4_0: return FromQ4_0;
    case DType::kQ4_1: return FromQ4_1;
    case DType::kQ5_0: return FromQ5_0;
    case DType::kQ5_1: return FromQ5_1;
    case DType::kQ4_K: return FromQ4_K;
    case DType::kQ5_K: return FromQ5_K;
    case DType::kQ6_K: return FromQ6_K;
    case DType::kQ2_K: return FromQ2_K;
    case DType::kQ3_K: return FromQ3_K;
    case DType::kIQ4_NL: return FromIQ4_NL;
    case DType::kIQ4_XS: return FromIQ4_XS;
    case DType::kMXFP4: return FromMXFP4;
    default: return nullptr;
  }
}

}  // namespace ingle
