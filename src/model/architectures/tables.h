#pragma once
// Tensor tables that several architectures share.

#include "model/architecture.h"

namespace ingle {

// Token embedding, final norm and output head under the Llama names.
inline constexpr TensorSpec kLlamaEnds[] = {
    {Slot::kTokenEmbedding, Dim::kVocab, Dim::kModel, "token_embd.weight",
     "model.embed_tokens.weight"},
    {Slot::kFinalNorm, Dim::kVector, Dim::kModel, "output_norm.weight", "model.norm.weight"},
    {Slot::kOutput, Dim::kVocab, Dim::kModel, "output.weight", "lm_head.weight", When::kOptional},
    // Llama 3.1's frequency scaling as converters write it; a Hugging Face config has it as numbers
    // instead.
    {Slot::kRopeFactors, Dim::kVector, Dim::kRopePairs, "rope_freqs.weight", "", When::kOptional},
};

inline constexpr TensorSpec kLlamaBlockNorms[] = {
    {Slot::kMixerNorm, Dim::kVector, Dim::kModel, "blk.{}.attn_norm.weight",
     "model.layers.{}.input_layernorm.weight"},
    {Slot::kFfnNorm, Dim::kVector, Dim::kModel, "blk.{}.ffn_norm.weight",
     "model.layers.{}.post_attention_layernorm.weight"},
};

inline constexpr TensorSpec kLlamaAttention[] = {
    {Slot::kQuery, Dim::kQueries, Dim::kModel, "blk.{}.attn_q.weight",
     "model.layers.{}.self_attn.q_proj.weight"},
    {Slot::kKey, Dim::kKeys, Dim::kModel, "blk.{}.attn_k.weight",
     "model.layers.{}.self_attn.k_proj.weight"},
    {Slot::kValue, Dim::kKeys, Dim::kModel, "blk.{}.attn_v.weight",
     "model.layers.{}.self_attn.v_proj.weight"},
    {Slot::kAttentionOut, Dim::kModel, Dim::kQueries, "blk.{}.attn_output.weight",
     "model.layers.{}.self_attn.o_proj.weight"},
};

inline constexpr TensorSpec kLlamaFeedForward[] = {
    {Slot::kFfnGate, Dim::kFfn, Dim::kModel, "blk.{}.ffn_gate.weight",
     "model.layers.{}.mlp.gate_proj.weight", When::kAlways, Where::kDense},
    {Slot::kFfnUp, Dim::kFfn, Dim::kModel, "blk.{}.ffn_up.weight",
     "model.layers.{}.mlp.up_proj.weight", When::kAlways, Where::kDense},
    {Slot::kFfnDown, Dim::kModel, Dim::kFfn, "blk.{}.ffn_down.weight",
     "model.layers.{}.mlp.down_proj.weight", When::kAlways, Where::kDense},
};

inline constexpr TensorSpec kQkvBiases[] = {
    {Slot::kQueryBias, Dim::kVector, Dim::kQueries, "blk.{}.attn_q.bias",
     "model.layers.{}.self_attn.q_proj.bias"},
    {Slot::kKeyBias, Dim::kVector, Dim::kKeys, "blk.{}.attn_k.bias",
     "model.layers.{}.self_attn.k_proj.bias"},
    {Slot::kValueBias, Dim::kVector, Dim::kKeys, "blk.{}.attn_v.bias",
     "model.layers.{}.self_attn.v_proj.bias"},
};

// Biases of attention that transformers has where config.json says "attention_bias", and llama.cpp
// where the file has them.
constexpr TensorSpec AttentionBias(Slot slot, Dim length, std::string_view gguf,
                                   std::string_view hf) {
  return {.slot = slot,
          .rows = Dim::kVector,
          .cols = length,
          .gguf = gguf,
          .hf = hf,
          .when = When::kOptional,
          .flag = "attention_bias"};
}
inline constexpr TensorSpec kAttentionBiases[] = {
    AttentionBias(Slot::kQueryBias, Dim::kQueries, "blk.{}.attn_q.bias",
                  "model.layers.{}.self_attn.q_proj.bias"),
    AttentionBias(Slot::kKeyBias, Dim::kKeys, "blk.{}.attn_k.bias",
                  "model.layers.{}.self_attn.k_proj.bias"),
    AttentionBias(Slot::kValueBias, Dim::kKeys, "blk.{}.attn_v.bias",
                  "model.layers.{}.self_attn.v_proj.bias"),
    AttentionBias(Slot::kAttentionOutBias, Dim::kModel, "blk.{}.attn_output.bias",
                  "model.layers.{}.self_attn.o_proj.bias"),
};

// The same of the feed-forward part, with "mlp_bias".
constexpr TensorSpec FeedForwardBias(Slot slot, Dim length, std::string_view gguf,
                                     std::string_view hf) {
  return {.slot = slot,
          .rows = Dim::kVector,
          .cols = length,
          .gguf = gguf,
          .hf = hf,
          .when = When::kOptional,
          .where = Where::kDense,
          .flag = "mlp_bias"};
}
inline constexpr TensorSpec kFeedForwardBiases[] = {
    FeedForwardBias(Slot::kFfnGateBias, Dim::kFfn, "blk.{}.ffn_gate.bias",
                    "model.layers.{}.mlp.gate_proj.bias"),
    FeedForwardBias(Slot::kFfnUpBias, Dim::kFfn, "blk.{}.ffn_up.bias",
                    "model.layers.{}.mlp.up_proj.bias"),
    FeedForwardBias(Slot::kFfnDownBias, Dim::kModel, "blk.{}.ffn_down.bias",
                    "model.layers.{}.mlp.down_proj.bias"),
};

inline constexpr TensorSpec kHeadNorms[] = {
    {Slot::kQueryNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_q_norm.weight",
     "model.layers.{}.self_attn.q_norm.weight"},
    {Slot::kKeyNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_k_norm.weight",
     "model.layers.{}.self_attn.k_norm.weight"},
};

// Converters to GGUF interleave Llama's query and key rows; Hugging Face keeps the two halves
// apart.
inline RopeStyle LlamaRope(const Metadata& metadata) {
  return metadata.container == Container::kGguf ? RopeStyle::kAdjacentPairs
                                                : RopeStyle::kSplitHalves;
}

}  // namespace ingle
