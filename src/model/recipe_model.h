#pragma once
// Models whose every byte follows from a few parameters, here and in
// tests/parity/logits/make_models.py alike (see there for the reasons of the constants). So goldens
// of logits need no model files.

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files/test_gguf.h"
#include "formats/dtype.h"

namespace ingle {

struct RecipeModel {
  std::string arch = "llama";
  DType type = DType::kF32;
  uint32_t layers = 2, width = 64, ffn = 96, heads = 4, kv_heads = 2, head_dim = 16, vocab = 300;
  uint32_t context = 2048, seed = 1;
  float theta = 10000.0f, yarn = 0.0f, linear = 0.0f;
  bool tied = true, rope_factors = false;

  // Word `index` of the stream of this name: SplitMix64.
  uint64_t Word(std::string_view name, uint64_t index) const {
    constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;
    uint64_t key = 0xCBF29CE484222325u;
    for (const char c : name) key = (key ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
    uint64_t z = (key ^ (seed * kGolden)) + (index + 1) * kGolden;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  std::string Bytes() const {
    TestGguf file;
    AddKeys(file);
    AddTensors(file);
    return file.Bytes();
  }

  std::vector<int32_t> Tokens(uint32_t count) const {
    std::vector<int32_t> tokens;
    for (uint32_t i = 0; i < count; ++i) {
      tokens.push_back(static_cast<int32_t>(3 + Word("tokens", i) % (vocab - 3)));
    }
    return tokens;
  }

 private:
  double Uniform(std::string_view name, uint64_t index) const {
    return static_cast<double>(Word(name, index) >> 40) * 0x1p-23 - 1.0;
  }

  // Bits of the half float number * 2^exponent, which must be exact.
  static uint16_t HalfBits(uint32_t number, int exponent) {
    const int top = static_cast<int>(std::bit_width(number)) - 1;
    if (top + exponent < -14) return static_cast<uint16_t>(number << (exponent + 24));
    const uint32_t fraction = number - (1u << top);
    return static_cast<uint16_t>(static_cast<uint32_t>(top + exponent + 15) << 10 |
                                 fraction << (10 - top));
  }

  static double Spread(DType kind) {
    switch (kind) {
      case DType::kQ8_0: return 74.0;
      case DType::kQ4_0: return 4.6;
      case DType::kQ5_0: return 9.2;
      case DType::kQ4_K: return 258.0;
      case DType::kQ5_K: return 526.0;
      default: return 341.0;
    }
  }

  std::string Blocks(std::string_view name, DType kind, uint64_t cols, uint64_t count) const {
    const uint64_t size = Info(kind).block_bytes;
    std::string data(count * size, '\0');
    for (uint64_t i = 0; i < data.size(); ++i)
      data[i] = static_cast<char>(Word(name, i / 8) >> (i % 8 * 8) & 255);
    const double target = 1.0 / (Spread(kind) * std::sqrt(static_cast<double>(cols)));
    int k = 0;
    while (std::ldexp(1.0, -k) > target) ++k;
    const uint32_t middle = kind == DType::kQ4_K ? 15 : kind == DType::kQ5_K ? 31 : 0;
    for (uint64_t block = 0; block < count; ++block) {
      const uint64_t choice = Word(std::string(name) + "#scale", block);
      const auto eighths = static_cast<uint32_t>(choice & 7);
      uint16_t d = HalfBits(8 + eighths, -k - 3);
      if (middle == 0) d = static_cast<uint16_t>(d | (choice << 12 & 0x8000));
      const size_t at = block * size;
      if (kind == DType::kQ6_K) {
        for (size_t i = at + 192; i < at + 208; ++i)
          data[i] = static_cast<char>((data[i] & 63) - 32);
      }
      data.replace(at + (kind == DType::kQ6_K ? 208 : 0), 2, TestGguf::Le(d));
      if (middle != 0)
        data.replace(at + 2, 2, TestGguf::Le(HalfBits((8 + eighths) * middle, -k - 4)));
    }
    return data;
  }

  std::string MatrixData(std::string_view name, DType kind, uint64_t rows, uint64_t cols) const {
    const double scale = std::sqrt(3.0 / static_cast<double>(cols));
    const uint64_t count = rows * cols;
    if (Info(kind).block_weights > 1)
      return Blocks(name, kind, cols, count / Info(kind).block_weights);
    std::string data;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string value = TestGguf::Le(static_cast<float>(Uniform(name, i) * scale));
      if (kind == DType::kF32) data += value;
      if (kind == DType::kBF16) data += value.substr(2);
      if (kind != DType::kF16) continue;
      const uint64_t word = Word(name, i);
      const auto exponent = static_cast<uint64_t>(15 + std::ilogb(scale));
      data += TestGguf::Le(static_cast<uint16_t>(
          (word & 1) << 15 | (exponent - (word >> 11 & 3)) << 10 | (word >> 1 & 1023)));
    }
    return data;
  }

  void Matrix(TestGguf& file, const std::string& name, uint64_t rows, uint64_t cols) const {
    DType kind = type;
    if (cols % Info(kind).block_weights != 0)
      kind = kind == DType::kQ6_K ? DType::kQ8_0 : DType::kQ5_0;
    file.Tensor(name, {cols, rows}, kind, MatrixData(name, kind, rows, cols));
  }

  void Vector(TestGguf& file, const std::string& name, uint64_t count, double base,
              double scale) const {
    std::string data;
    for (uint64_t i = 0; i < count; ++i)
      data += TestGguf::Le(static_cast<float>(Uniform(name, i) * scale + base));
    file.Tensor(name, {count}, DType::kF32, data);
  }

  void AddKeys(TestGguf& file) const {
    const std::string a = arch + ".";
    file.String("general.architecture", arch);
    file.U32(a + "block_count", layers)
        .U32(a + "embedding_length", width)
        .U32(a + "feed_forward_length", ffn);
    file.U32(a + "attention.head_count", heads).U32(a + "attention.head_count_kv", kv_heads);
    file.U32(a + "attention.key_length", head_dim).U32(a + "attention.value_length", head_dim);
    file.U32(a + "rope.dimension_count", head_dim).U32(a + "context_length", context);
    file.F32(a + "attention.layer_norm_rms_epsilon", 1e-5f).F32(a + "rope.freq_base", theta);
    if (yarn != 0 || linear != 0) {
      file.String(a + "rope.scaling.type", yarn != 0 ? "yarn" : "linear");
      file.F32(a + "rope.scaling.factor", yarn != 0 ? yarn : linear);
    }
    if (yarn != 0) {
      file.U32(a + "rope.scaling.original_context_length",
               static_cast<uint32_t>(static_cast<float>(context) / yarn));
    }
    std::vector<std::string> pieces{"<unk>", "<s>", "</s>"};
    std::string scores = TestGguf::Le(6u) + TestGguf::Le<uint64_t>(vocab);
    std::string kinds = TestGguf::Le(5u) + TestGguf::Le<uint64_t>(vocab);
    for (uint32_t i = 0; i < vocab; ++i) {
      constexpr char kHex[] = "0123456789ABCDEF";
      const uint32_t byte = i - 3;
      if (i >= 259) pieces.push_back("t" + std::to_string(i - 259));
      if (i >= 3 && i < 259)
        pieces.push_back(std::string("<0x") + kHex[byte >> 4] + kHex[byte & 15] + ">");
      scores += TestGguf::Le(static_cast<float>(-static_cast<int>(i)));
      kinds += TestGguf::Le(i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1);
    }
    file.String("tokenizer.ggml.model", "llama").Strings("tokenizer.ggml.tokens", pieces);
    file.Raw("tokenizer.ggml.scores", 9, scores).Raw("tokenizer.ggml.token_type", 9, kinds);
    file.U32("tokenizer.ggml.bos_token_id", 1).U32("tokenizer.ggml.eos_token_id", 2);
  }

  void AddTensors(TestGguf& file) const {
    Matrix(file, "token_embd.weight", vocab, width);
    Vector(file, "output_norm.weight", width, 1.0, 0.25);
    if (!tied) Matrix(file, "output.weight", vocab, width);
    if (rope_factors) {
      const uint32_t pairs = head_dim / 2;
      std::string factors;
      for (uint32_t i = 0; i < pairs; ++i)
        factors += TestGguf::Le(static_cast<float>(1.0 + 7.0 * i / (pairs - 1)));
      file.Tensor("rope_freqs.weight", {pairs}, DType::kF32, factors);
    }
    const uint32_t queries = heads * head_dim, keys = kv_heads * head_dim;
    for (uint32_t i = 0; i < layers; ++i) {
      const std::string b = "blk." + std::to_string(i) + ".";
      Vector(file, b + "attn_norm.weight", width, 1.0, 0.25);
      Matrix(file, b + "attn_q.weight", queries, width);
      Matrix(file, b + "attn_k.weight", keys, width);
      Matrix(file, b + "attn_v.weight", keys, width);
      Matrix(file, b + "attn_output.weight", width, queries);
      if (arch == "qwen2") {
        Vector(file, b + "attn_q.bias", queries, 0.0, 1.0);
        Vector(file, b + "attn_k.bias", keys, 0.0, 1.0);
        Vector(file, b + "attn_v.bias", keys, 0.0, 1.0);
      }
      if (arch == "qwen3") {
        Vector(file, b + "attn_q_norm.weight", head_dim, 1.0, 0.25);
        Vector(file, b + "attn_k_norm.weight", head_dim, 1.0, 0.25);
      }
      Vector(file, b + "ffn_norm.weight", width, 1.0, 0.25);
      Matrix(file, b + "ffn_gate.weight", ffn, width);
      Matrix(file, b + "ffn_up.weight", ffn, width);
      Matrix(file, b + "ffn_down.weight", width, ffn);
    }
  }
};

}  // namespace ingle
