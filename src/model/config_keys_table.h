#pragma once
// Keys of config.json that mean the same in every class.
// tests/parity/architectures/config_keys.json has those of transformers' classes;
// config_keys_test.cc compares.

#include <string_view>

namespace ingle {

// Refused in describe.cc where their value changes the arithmetic and the class cannot do it.
inline constexpr std::string_view kCheckedConfigKeys[] = {
    "add_cross_attention",
    "attention_bias",
    "attention_multiplier",
    "attn_logit_softcapping",
    "clip_qkv",
    "conv_bias",
    "embedding_multiplier",
    "final_logit_softcapping",
    "full_attn_mod",
    "hidden_act",
    "interpolate_factor",
    "is_encoder_decoder",
    "llama_4_scaling",
    "lm_head_bias",
    "logits_scaling",
    "mlp_bias",
    "n_group",
    "n_shared_experts",
    "num_experts",
    "num_experts_per_tok",
    "num_local_experts",
    "residual_multiplier",
    "scale_attn_by_inverse_layer_idx",
    "scale_attn_weights",
    "use_bidirectional_attention",
    "use_mrope",
};

// Without influence on what a model computes, or read by other parts of this program.
inline constexpr std::string_view kConfigKeysWithoutEffect[] = {
    // Names and versions.
    "_name_or_path",
    "architectures",
    "auto_map",
    "dtype",
    "finetuning_task",
    "is_llama_config",
    "model_type",
    "name_or_path",
    "tokenizer_class",
    "torch_dtype",
    "transformers.js_config",
    "transformers_version",
    "unsloth_fixed",
    "unsloth_version",
    // Tokens: the tokenizer and the engine read them.
    "bos_token_id",
    "decoder_start_token_id",
    "eos_token_id",
    "pad_token_id",
    "sep_token_id",
    // How the original runs it.
    "_attn_implementation",
    "_attn_implementation_autoset",
    "attn_implementation",
    "cache_implementation",
    "chunk_size_feed_forward",
    "gradient_checkpointing",
    "is_decoder",
    "n_ctx",  // n_positions is what counts.
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "pretraining_tp",
    "reorder_and_upcast_attn",
    "return_dict",
    "tf_legacy_loss",
    "torchscript",
    "use_bfloat16",
    "use_cache",
    // Training.
    "attention_dropout",
    "attn_pdrop",
    "embd_pdrop",
    "initializer_range",
    "resid_pdrop",
    "router_aux_loss_coef",
    // Heads for other tasks.
    "id2label",
    "label2id",
    "problem_type",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    // Read elsewhere: files/quantized_layers.cc, weights.cc.
    "quantization_config",
    "tie_embedding",
    "tie_word_embeddings",
    // As Qwen publishes them, without windows, and SmolLM2, whose files are of Llama's order.
    "max_window_layers",
    "rope_interleaved",
    // What LFM2 was trained with; its class reads none of these.
    "block_dim",
    "block_mlp_init_scale",
    "block_norm_eps",
    "block_out_dim",
    "block_use_swiglu",
    "block_use_xavier_init",
    "conv_dim",
    "conv_dim_out",
    "conv_use_xavier_init",
    "num_heads",
    "theta",
    "use_pos_enc",
    // The part of a multimodal model that is for images.
    "boi_token_index",
    "eoi_token_index",
    "image_token_index",
    "mm_tokens_per_image",
    "vision_config",
};

// Within rope_parameters or rope_scaling, and there within a kind of layers.
inline constexpr std::string_view kRopeConfigKeys[] = {
    "attention_factor",
    "beta_fast",
    "beta_slow",
    "factor",
    "high_freq_factor",
    "long_factor",
    "low_freq_factor",
    "mscale",
    "mscale_all_dim",
    "original_max_position_embeddings",
    "rope_theta",
    "rope_type",
    "short_factor",
    "truncate",
    "type",
};

}  // namespace ingle
