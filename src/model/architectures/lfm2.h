#pragma once
// What LFM2 with and without experts share.

#include "model/architectures/tables.h"

namespace ingle {

inline constexpr TensorSpec kLfm2Tensors[] = {
    {Slot::kTokenEmbedding, Dim::kVocab, Dim::kModel, "token_embd.weight",
     "model.embed_tokens.weight"},
    // Both containers store the final norm under the name of an embedding's.
    {Slot::kFinalNorm, Dim::kVector, Dim::kModel, "token_embd_norm.weight",
     "model.embedding_norm.weight"},
    {Slot::kOutput, Dim::kVocab, Dim::kModel, "output.weight", "lm_head.weight", When::kOptional},
    {Slot::kMixerNorm, Dim::kVector, Dim::kModel, "blk.{}.attn_norm.weight",
     "model.layers.{}.operator_norm.weight"},
    {Slot::kFfnNorm, Dim::kVector, Dim::kModel, "blk.{}.ffn_norm.weight",
     "model.layers.{}.ffn_norm.weight"},
    {Slot::kQuery, Dim::kQueries, Dim::kModel, "blk.{}.attn_q.weight",
     "model.layers.{}.self_attn.q_proj.weight", When::kAlways, Where::kAttention},
    {Slot::kKey, Dim::kKeys, Dim::kModel, "blk.{}.attn_k.weight",
     "model.layers.{}.self_attn.k_proj.weight", When::kAlways, Where::kAttention},
    {Slot::kValue, Dim::kKeys, Dim::kModel, "blk.{}.attn_v.weight",
     "model.layers.{}.self_attn.v_proj.weight", When::kAlways, Where::kAttention},
    {Slot::kAttentionOut, Dim::kModel, Dim::kQueries, "blk.{}.attn_output.weight",
     "model.layers.{}.self_attn.out_proj.weight", When::kAlways, Where::kAttention},
    {Slot::kQueryNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_q_norm.weight",
     "model.layers.{}.self_attn.q_layernorm.weight", When::kAlways, Where::kAttention},
    {Slot::kKeyNorm, Dim::kVector, Dim::kHead, "blk.{}.attn_k_norm.weight",
     "model.layers.{}.self_attn.k_layernorm.weight", When::kAlways, Where::kAttention},
    {Slot::kConvGateIn, Dim::kModel, Dim::kModel, "blk.{}.shortconv.in_proj.weight",
     "model.layers.{}.conv.in_proj.weight", When::kAlways, Where::kShortConvolution},
    {Slot::kConvGateOut, Dim::kModel, Dim::kModel, "blk.{}.shortconv.in_proj.weight",
     "model.layers.{}.conv.in_proj.weight", When::kAlways, Where::kShortConvolution},
    {Slot::kConvValue, Dim::kModel, Dim::kModel, "blk.{}.shortconv.in_proj.weight",
     "model.layers.{}.conv.in_proj.weight", When::kAlways, Where::kShortConvolution},
    {Slot::kConvTaps, Dim::kModel, Dim::kTaps, "blk.{}.shortconv.conv.weight",
     "model.layers.{}.conv.conv.weight", When::kAlways, Where::kShortConvolution},
    {Slot::kConvOut, Dim::kModel, Dim::kModel, "blk.{}.shortconv.out_proj.weight",
     "model.layers.{}.conv.out_proj.weight", When::kAlways, Where::kShortConvolution},
    {Slot::kFfnGate, Dim::kFfn, Dim::kModel, "blk.{}.ffn_gate.weight",
     "model.layers.{}.feed_forward.w1.weight", When::kAlways, Where::kDense},
    {Slot::kFfnUp, Dim::kFfn, Dim::kModel, "blk.{}.ffn_up.weight",
     "model.layers.{}.feed_forward.w3.weight", When::kAlways, Where::kDense},
    {Slot::kFfnDown, Dim::kModel, Dim::kFfn, "blk.{}.ffn_down.weight",
     "model.layers.{}.feed_forward.w2.weight", When::kAlways, Where::kDense},
};

}  // namespace ingle
