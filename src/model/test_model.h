#pragma once
// Tiny models with seeded random weights of any type, for tests.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "files/model_files.h"
#include "files/test_gguf.h"
#include "formats/dtype.h"
#include "formats/half.h"
#include "model/architecture.h"
#include "model/expected_tensors.h"

namespace ingle {

struct TestModelShape {
  std::string architecture = "llama";  // Any of the registry.
  DType type = DType::kF32;            // Of the matrices,
  DType value_type = DType::kF32;      // but of the values' and the down projection.
  uint32_t layers = 2, width = 96, ffn = 160, heads = 6, kv_heads = 2, head_dim = 16, vocab = 48;
  uint32_t context = 1024;
  bool tied = true;
  uint32_t seed = 1;
  uint32_t window = 0;  // Of attention, where the architecture has one.
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

inline bool HasSlot(const Architecture& architecture, Slot slot) {
  return std::ranges::any_of(architecture.tensors, [&](std::span<const TensorSpec> table) {
    return std::ranges::any_of(table, [&](const TensorSpec& spec) { return spec.slot == slot; });
  });
}

// Keys for everything that the architecture's tables show it to have.
inline TestGguf TestModelKeys(const TestModelShape& shape, const Architecture& architecture) {
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
  file.F32(a + "attention.layer_norm_epsilon", 1e-5f);
  file.U32(a + "rope.dimension_count", shape.head_dim).U32(a + "vocab_size", shape.vocab);
  if (shape.window != 0) file.U32(a + "attention.sliding_window", shape.window);
  if (HasSlot(architecture, Slot::kConvTaps)) {
    std::vector<uint32_t> kv_heads(shape.layers, 0);
    for (uint32_t i = 1; i < shape.layers; i += 2) kv_heads[i] = shape.kv_heads;
    file.U32(a + "shortconv.l_cache", 3).U32s(a + "attention.head_count_kv", kv_heads);
  }
  if (HasSlot(architecture, Slot::kRouter)) {
    file.U32(a + "expert_count", 6).U32(a + "expert_used_count", 2);
    file.U32(a + "expert_feed_forward_length", 64).U32(a + "leading_dense_block_count", 1);
  }
  return file;
}

// A whole model: what the architecture's tables ask for, nothing of its own.
inline std::string TestModelBytes(const TestModelShape& shape) {
  std::mt19937 random(shape.seed);
  const auto all = AllArchitectures();
  const Architecture& architecture =
      **std::ranges::find(all, std::string_view(shape.architecture), &Architecture::gguf_name);
  TestGguf file = TestModelKeys(shape, architecture);
  const TestFile keys_only(file.Bytes());
  const auto files = OpenModelFiles(keys_only.path());
  EXPECT_TRUE(files) << files.error().message;
  const auto blueprint = architecture.describe(files->metadata());
  EXPECT_TRUE(blueprint) << blueprint.error().message;
  ExpectedTensors expected(*files, architecture, *blueprint);
  for (const std::string& name : expected.names()) {
    const ExpectedTensor& tensor = *expected.Find(name);
    const Slot slot = tensor.first().slot;
    if ((slot == Slot::kOutput && shape.tied) || slot == Slot::kRopeFactors) continue;
    const std::vector<uint64_t> extents = expected.ShapeOf(tensor);
    uint64_t count = 1;
    for (const uint64_t extent : extents) count *= extent;
    if (IsKeptAsFloats(slot)) {
      const bool weight = extents.size() == 1 && name.ends_with(".weight");
      std::normal_distribution<float> normal(weight ? 1.0f : 0.0f, 0.2f);
      std::string data;
      for (uint64_t i = 0; i < count; ++i)
        data += TestGguf::Le(weight ? std::max(0.1f, normal(random)) : normal(random));
      file.Tensor(name, extents, DType::kF32, data);
      continue;
    }
    const bool value = slot == Slot::kValue || slot == Slot::kFfnDown || slot == Slot::kOutput ||
                       slot == Slot::kExpertDown;
    const DType type = value ? shape.value_type : shape.type;
    const float scale = 1.0f / std::sqrt(static_cast<float>(extents[0]));
    file.Tensor(name, extents, type, RandomWeights(type, count, scale, random));
  }
  return file.Bytes();
}

}  // namespace ingle
