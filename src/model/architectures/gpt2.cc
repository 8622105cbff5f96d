// GPT-2: learned positions, LayerNorm, one fused projection, biases everywhere, no gate.

#include "model/architectures/tables.h"

namespace ingle {
namespace {

// Hugging Face stores these matrices the other way round (Conv1D).
constexpr TensorSpec kTensors[] = {
    {Slot::kTokenEmbedding, Dim::kVocab, Dim::kModel, "token_embd.weight",
     "transformer.wte.weight"},
    {Slot::kPositionEmbedding, Dim::kContext, Dim::kModel, "position_embd.weight",
     "transformer.wpe.weight"},
    {Slot::kFinalNorm, Dim::kVector, Dim::kModel, "output_norm.weight", "transformer.ln_f.weight"},
    {Slot::kFinalNormBias, Dim::kVector, Dim::kModel, "output_norm.bias", "transformer.ln_f.bias"},
    {Slot::kOutput, Dim::kVocab, Dim::kModel, "output.weight", "lm_head.weight", When::kOptional},
    {Slot::kMixerNorm, Dim::kVector, Dim::kModel, "blk.{}.attn_norm.weight",
     "transformer.h.{}.ln_1.weight"},
    {Slot::kMixerNormBias, Dim::kVector, Dim::kModel, "blk.{}.attn_norm.bias",
     "transformer.h.{}.ln_1.bias"},
    {Slot::kQuery, Dim::kQueries, Dim::kModel, "blk.{}.attn_qkv.weight",
     "transformer.h.{}.attn.c_attn.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kKey, Dim::kKeys, Dim::kModel, "blk.{}.attn_qkv.weight",
     "transformer.h.{}.attn.c_attn.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kValue, Dim::kKeys, Dim::kModel, "blk.{}.attn_qkv.weight",
     "transformer.h.{}.attn.c_attn.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kQueryBias, Dim::kVector, Dim::kQueries, "blk.{}.attn_qkv.bias",
     "transformer.h.{}.attn.c_attn.bias"},
    {Slot::kKeyBias, Dim::kVector, Dim::kKeys, "blk.{}.attn_qkv.bias",
     "transformer.h.{}.attn.c_attn.bias"},
    {Slot::kValueBias, Dim::kVector, Dim::kKeys, "blk.{}.attn_qkv.bias",
     "transformer.h.{}.attn.c_attn.bias"},
    {Slot::kAttentionOut, Dim::kModel, Dim::kQueries, "blk.{}.attn_output.weight",
     "transformer.h.{}.attn.c_proj.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kAttentionOutBias, Dim::kVector, Dim::kModel, "blk.{}.attn_output.bias",
     "transformer.h.{}.attn.c_proj.bias"},
    {Slot::kFfnNorm, Dim::kVector, Dim::kModel, "blk.{}.ffn_norm.weight",
     "transformer.h.{}.ln_2.weight"},
    {Slot::kFfnNormBias, Dim::kVector, Dim::kModel, "blk.{}.ffn_norm.bias",
     "transformer.h.{}.ln_2.bias"},
    {Slot::kFfnUp, Dim::kFfn, Dim::kModel, "blk.{}.ffn_up.weight",
     "transformer.h.{}.mlp.c_fc.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kFfnUpBias, Dim::kVector, Dim::kFfn, "blk.{}.ffn_up.bias",
     "transformer.h.{}.mlp.c_fc.bias"},
    {Slot::kFfnDown, Dim::kModel, Dim::kFfn, "blk.{}.ffn_down.weight",
     "transformer.h.{}.mlp.c_proj.weight", When::kAlways, Where::kAllLayers, Fix::kTransposedInHf},
    {Slot::kFfnDownBias, Dim::kVector, Dim::kModel, "blk.{}.ffn_down.bias",
     "transformer.h.{}.mlp.c_proj.bias"},
};

// Defaults of transformers' GPT2Config.
constexpr ConfigKey kConfig[] = {
    {"n_embd", int64_t{768}, "hidden_size"},
    {"n_inner"},
    {"n_layer", int64_t{12}, "num_hidden_layers"},
    {"n_head", int64_t{12}, "num_attention_heads"},
    {"n_positions", int64_t{1024}, "max_position_embeddings"},
    {"activation_function"},
    {"layer_norm_epsilon", 1e-05},
    {"vocab_size"},
};

Result<Blueprint> Describe(const Metadata& metadata) {
  return DescribeDecoder(metadata, {.norm = Norm::kLayer,
                                    .activation = Activation::kGeluTanh,
                                    .feed_forward = FeedForward::kPlain});
}

}  // namespace

extern const Architecture kGpt2;
const Architecture kGpt2 = {.gguf_name = "gpt2",
                            .hf_class = "GPT2LMHeadModel",
                            .describe = Describe,
                            .tensors = {kTensors},
                            .config = kConfig,
                            .tied_in_hf = true};

}  // namespace ingle
