#pragma once
// Tiny models with seeded random weights of any type, for tests.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "files/test_gguf.h"
#include "formats/dtype.h"
#include "formats/half.h"

namespace ingle {

struct TestModelShape {
  std::string architecture = "llama";  // llama, qwen2 (biases), qwen3 (norms on the heads)
  DType type = DType::kF32;            // Of the matrices,
  DType value_type = DType::kF32;      // but of the values' and the down projection.
  uint32_t layers = 2, width = 96, ffn = 160, heads = 6, kv_heads = 2, head_dim = 16, vocab = 48;
  uint32_t context = 1024;
  bool tied = true;
  uint32_t seed = 1;
};

// Random blocks of any type; values are near a normal distribution of deviation `scale`.
inline std::string RandomWeights(DType type, uint64_t count, float scale, std::mt19937& random) {
  const DTypeInfo& info = Info(type);
  std::normal_distribution<float> normal(0.0f, scale);
  std::string bytes;
  if (info.block_weights == 1) {
    for (uint64_t i = 0; i < count; ++i) {
      const float value = normal(random);
      if (type == DType::kF32)
        bytes += TestGguf::Le(value);
      else if (type == DType::kBF16)
        bytes += TestGguf::Le(F32ToBf16(value));
      // Nearest-below half float of a normal number: 5 bits of exponent, 10 of fraction.
      else
        bytes += TestGguf::Le(static_cast<uint16_t>(
            std::fabs(value) < 1e-4f
                ? 0
                : (std::bit_cast<uint32_t>(value) >> 16 & 0x8000u) |
                      (((std::bit_cast<uint32_t>(value) & 0x7fffffffu) >> 13) - (112u << 10))));
    }
    return bytes;
  }
  // Random codes under a scale that is a half float with exponent and random fraction.
  const float code_deviation = type == DType::kQ8_0   ? 74.0f
                               : type == DType::kQ6_K ? 1400.0f
                               : type == DType::kQ4_K ? 160.0f
                               : type == DType::kQ5_K ? 320.0f
                               : type == DType::kQ5_0 ? 9.0f
                                                      : 4.6f;
  const auto exponent = static_cast<uint32_t>(15 + std::ilogb(scale / code_deviation));
  const auto half = [&] { return static_cast<uint16_t>(exponent << 10 | (random() & 0x3ffu)); };
  for (uint64_t block = 0; block < count / info.block_weights; ++block) {
    std::string one;
    for (uint32_t i = 0; i < info.block_bytes; ++i) one += static_cast<char>(random() & 0xff);
    const bool super = type == DType::kQ4_K || type == DType::kQ5_K;
    if (type == DType::kQ6_K)
      one.replace(208, 2, TestGguf::Le(half()));
    else
      one.replace(0, 2, TestGguf::Le(half()));
    // The minimum: about the middle of the codes.
    if (super) {
      const auto minimum = static_cast<uint16_t>(half() + ((type == DType::kQ4_K ? 3 : 4) << 10));
      one.replace(2, 2, TestGguf::Le(minimum));
    }
    bytes += one;
  }
  return bytes;
}

inline std::string TestModelBytes(const TestModelShape& shape) {
  std::mt19937 random(shape.seed);
  TestGguf file;
  const std::string a = shape.architecture + ".";
  file.String("general.architecture", shape.architecture).String("general.name", "random");
  file.U32(a + "block_count", shape.layers).U32(a + "embedding_length", shape.width);
  file.U32(a + "feed_forward_length", shape.ffn).U32(a + "context_length", shape.context);
  file.U32(a + "attention.head_count", shape.heads);
  file.U32(a + "attention.head_count_kv", shape.kv_heads);
  file.U32(a + "attention.key_length", shape.head_dim);
  file.U32(a + "attention.value_length", shape.head_dim);
  file.F32(a + "attention.layer_norm_rms_epsilon", 1e-6f).F32(a + "rope.freq_base", 10000.0f);
  file.U32(a + "rope.dimension_count", shape.head_dim).U32(a + "vocab_size", shape.vocab);
  const auto matrix = [&](const std::string& name, uint32_t rows, uint32_t cols, DType type) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(cols));
    file.Tensor(name, {cols, rows}, type,
                RandomWeights(type, uint64_t{rows} * cols, scale, random));
  };
  const auto vector = [&](const std::string& name, uint32_t n, float around) {
    std::normal_distribution<float> normal(around, 0.2f);
    std::string data;
    for (uint32_t i = 0; i < n; ++i) data += TestGguf::Le(normal(random));
    file.Tensor(name, {n}, DType::kF32, data);
  };
  const uint32_t queries = shape.heads * shape.head_dim, keys = shape.kv_heads * shape.head_dim;
  matrix("token_embd.weight", shape.vocab, shape.width, shape.type);
  vector("output_norm.weight", shape.width, 1.0f);
  if (!shape.tied) matrix("output.weight", shape.vocab, shape.width, shape.value_type);
  for (uint32_t i = 0; i < shape.layers; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    vector(b + "attn_norm.weight", shape.width, 1.0f);
    vector(b + "ffn_norm.weight", shape.width, 1.0f);
    matrix(b + "attn_q.weight", queries, shape.width, shape.type);
    matrix(b + "attn_k.weight", keys, shape.width, shape.type);
    matrix(b + "attn_v.weight", keys, shape.width, shape.value_type);
    matrix(b + "attn_output.weight", shape.width, queries, shape.type);
    matrix(b + "ffn_gate.weight", shape.ffn, shape.width, shape.type);
    matrix(b + "ffn_up.weight", shape.ffn, shape.width, shape.type);
    matrix(b + "ffn_down.weight", shape.width, shape.ffn, shape.value_type);
    if (shape.architecture == "qwen2") {
      vector(b + "attn_q.bias", queries, 0.0f);
      vector(b + "attn_k.bias", keys, 0.0f);
      vector(b + "attn_v.bias", keys, 0.0f);
    }
    if (shape.architecture == "qwen3") {
      vector(b + "attn_q_norm.weight", shape.head_dim, 1.0f);
      vector(b + "attn_k_norm.weight", shape.head_dim, 1.0f);
    }
  }
  return file.Bytes();
}

}  // namespace ingle
