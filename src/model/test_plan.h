#pragma once
// For tests of plans: a whole tiny model with zero weights to change one thing in, and what must be
// refused.

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "files/test_gguf.h"
#include "model/weights.h"

namespace ingle {

inline constexpr uint32_t kLayers = 2, kWidth = 64, kFfn = 96, kHeads = 4, kKvHeads = 2,
                          kVocab = 10;

// A whole tiny model; options change one thing before it is written.
struct Options {
  std::string architecture = "llama";
  bool tied = true, biases = false, head_norms = false, rope_factors = false;
  DType matrix = DType::kF32;
  std::string leave_out = {};
};

inline TestGguf TinyModel(const Options& options = {}) {
  TestGguf file;
  const std::string a = options.architecture + ".";
  file.String("general.architecture", options.architecture);
  file.U32(a + "block_count", kLayers)
      .U32(a + "embedding_length", kWidth)
      .U32(a + "feed_forward_length", kFfn);
  file.U32(a + "attention.head_count", kHeads).U32(a + "attention.head_count_kv", kKvHeads);
  file.U32(a + "context_length", 128).F32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
  file.Strings("tokenizer.ggml.tokens", {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"});
  const auto add = [&](const std::string& name, std::vector<uint64_t> dims, DType type,
                       std::string data = {}) {
    if (name != options.leave_out) file.Tensor(name, std::move(dims), type, std::move(data));
  };
  const uint64_t head = kWidth / kHeads, keys = kKvHeads * head;
  add("token_embd.weight", {kWidth, kVocab}, options.matrix);
  add("output_norm.weight", {kWidth}, DType::kF32);
  if (!options.tied) add("output.weight", {kWidth, kVocab}, options.matrix);
  std::string ones;
  for (uint64_t i = 0; i < head / 2; ++i) ones += TestGguf::Le(1.0f + static_cast<float>(i));
  if (options.rope_factors) add("rope_freqs.weight", {head / 2}, DType::kF32, ones);
  for (uint32_t i = 0; i < kLayers; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    add(b + "attn_norm.weight", {kWidth}, DType::kF32);
    add(b + "ffn_norm.weight", {kWidth}, DType::kF32);
    add(b + "attn_q.weight", {kWidth, kWidth}, options.matrix);
    add(b + "attn_k.weight", {kWidth, keys}, options.matrix);
    add(b + "attn_v.weight", {kWidth, keys}, options.matrix);
    add(b + "attn_output.weight", {kWidth, kWidth}, options.matrix);
    add(b + "ffn_gate.weight", {kWidth, kFfn}, options.matrix);
    add(b + "ffn_up.weight", {kWidth, kFfn}, options.matrix);
    add(b + "ffn_down.weight", {kFfn, kWidth}, options.matrix);
    if (options.biases) {
      add(b + "attn_q.bias", {kWidth}, DType::kF32);
      add(b + "attn_k.bias", {keys}, DType::kF32);
      add(b + "attn_v.bias", {keys}, DType::kF32);
    }
    if (options.head_norms) {
      add(b + "attn_q_norm.weight", {head}, DType::kF32);
      add(b + "attn_k_norm.weight", {head}, DType::kF32);
    }
  }
  return file;
}

struct Planned {
  ModelFiles file;
  ModelPlan plan;
};

inline Result<Planned> PlanBytes(const std::string& bytes) {
  const TestFile on_disk(bytes);
  INGLE_TRY(ModelFiles file, OpenModelFiles(on_disk.path()));
  Planned planned;
  planned.file = std::move(file);
  INGLE_TRY(planned.plan, PlanModel(planned.file));
  return planned;
}

inline Result<Planned> PlanFile(const TestGguf& file) { return PlanBytes(file.Bytes()); }

// Expects a refusal that holds every one of the words and names `key` (unless it is empty).
inline void ExpectRefused(const TestGguf& file, ErrorCode code, const std::string& key,
                          std::vector<std::string> words) {
  const auto planned = PlanFile(file);
  ASSERT_FALSE(planned) << "accepted; expected " << key;
  EXPECT_EQ(planned.error().code, code) << planned.error().message;
  EXPECT_EQ(planned.error().param, key) << planned.error().message;
  if (code == ErrorCode::kCorruptFile) {
    EXPECT_EQ(planned.error().id, "invalid_model_file");
  }
  if (!key.empty()) words.push_back("'" + key + "'");
  for (const std::string& word : words) {
    EXPECT_NE(planned.error().message.find(word), std::string::npos)
        << planned.error().message << "\nlacks " << word;
  }
}

inline void ExpectContradiction(const TestGguf& file, const std::string& key,
                                std::vector<std::string> words = {}) {
  ExpectRefused(file, ErrorCode::kCorruptFile, key, std::move(words));
}

}  // namespace ingle
