"""Writes a case of models.py as the GGUF file that llama.cpp's converter would make of it (names and shapes by gguf-py).

Needs: pip install gguf numpy"""
import math

import gguf
import numpy as np

import models

ARCHITECTURES = {"LlamaForCausalLM": "llama", "MistralForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2",
                 "Qwen3ForCausalLM": "qwen3", "Qwen3MoeForCausalLM": "qwen3moe", "SmolLM3ForCausalLM": "smollm3",
                 "GPT2LMHeadModel": "gpt2", "Gemma2ForCausalLM": "gemma2", "Gemma3ForCausalLM": "gemma3",
                 "Gemma3ForConditionalGeneration": "gemma3",
                 "Phi3ForCausalLM": "phi3", "Lfm2ForCausalLM": "lfm2", "Lfm2MoeForCausalLM": "lfm2moe"}
INTERLEAVED = {"llama", "smollm3"}  # Converters exchange rows of q and k for these.
VISION = ("vision_tower.", "multi_modal_projector.")
# Of a config.json as published, what is left out: the defaults of the class.
GEMMA3_DEFAULTS = {"rms_norm_eps": 1e-6, "rope_theta": 1e6, "rope_local_base_freq": 1e4}


def get(config, *names, default=None):
    for name in names:
        if config.get(name) is not None:
            return config[name]
    return default


def rope_of(config):
    rope = config.get("rope_parameters") or {}
    if "rope_scaling" in config:  # As it was before rope_parameters.
        rope = {"rope_theta": config["rope_theta"], **config["rope_scaling"]}
    return rope.get("full_attention", rope)


def language_part(config):
    """What of a multimodal model's config is about the language, the class's defaults included."""
    return {**GEMMA3_DEFAULTS, **config["text_config"]} if "text_config" in config else config


def interleave(rows, heads):
    """Halves of each head -> neighbouring pairs."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def llama3_factors(rope, dim):
    frequencies = rope["rope_theta"] ** (-np.arange(0, dim, 2) / dim)
    turns = rope["original_max_position_embeddings"] * frequencies / (2 * math.pi)
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    smooth = (turns - low) / (high - low)
    factors = np.where(turns < low, factor, np.where(turns > high, 1.0, 1 / ((1 - smooth) / factor + smooth)))
    return factors.astype(np.float32)


def tensors_of(arch, config, state):
    """Of the file: name -> array."""
    layers = get(config, "num_hidden_layers", "n_layer")
    names = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, {"smollm3": "SMOLLM3"}.get(arch, arch.upper())), layers)
    heads = get(config, "num_attention_heads", "n_head")
    kv_heads = get(config, "num_key_value_heads", default=heads)
    out, experts = {}, {}
    for name, values in state.items():
        if name.startswith(VISION):
            continue
        name = name.removeprefix("language_model.")
        if ".experts." in name:  # model.layers.0.mlp.experts.3.up_proj.weight
            before, after = name.split(".experts.")
            number, part = after.split(".", 1)
            experts.setdefault(f"{before}.experts.{part}", {})[int(number)] = values
            continue
        if arch == "gpt2" and name.endswith(".weight") and values.ndim == 2 and ".h." in name:
            values = values.T
        if arch.startswith("gemma") and values.ndim == 1:
            values = values + 1
        if arch in INTERLEAVED and ("q_proj." in name or "k_proj." in name):
            values = interleave(values, heads if "q_proj" in name else kv_heads)
        if values.ndim == 3:
            values = values.squeeze(1)
        if name.endswith("expert_bias"):
            name += ".bias"
            mapped = f"blk.{name.split('.')[2]}.exp_probs_b.bias"
        else:
            mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise SystemExit(f"gguf-py knows no name for {name}")
        out[mapped] = np.ascontiguousarray(values)
    kinds = {"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}
    for name, parts in experts.items():
        mapped = f"blk.{name.split('.')[2]}.ffn_{kinds[name.split('.')[-2]]}_exps.weight"
        out[mapped] = np.stack([parts[i] for i in range(len(parts))])
    if arch == "llama" and rope_of(config).get("rope_type") == "llama3":
        out["rope_freqs.weight"] = llama3_factors(rope_of(config), get(config, "head_dim", default=16))
    if arch == "phi3" and rope_of(config).get("rope_type") == "longrope":
        for length in ("short", "long"):
            out[f"rope_factors_{length}.weight"] = np.array(rope_of(config)[f"{length}_factor"], np.float32)
    return out


def add_rope(writer, config, head_dim):
    rope = rope_of(config)
    writer.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    writer.add_rope_freq_base(get(rope, "rope_theta", default=10000.0))
    kind = rope.get("rope_type")
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind in ("yarn", "longrope"):
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
    if kind == "longrope":
        scale = config["max_position_embeddings"] / rope["original_max_position_embeddings"]
        writer.add_rope_scaling_attn_factors(
            math.sqrt(1 + math.log(scale) / math.log(rope["original_max_position_embeddings"])))


def add_keys(writer, arch, config):
    layers, width = get(config, "num_hidden_layers", "n_layer"), get(config, "hidden_size", "n_embd")
    heads = get(config, "num_attention_heads", "n_head")
    kv_heads = get(config, "num_key_value_heads", default=heads)
    head_dim = get(config, "head_dim", default=width // heads)
    types = config.get("layer_types") or []
    writer.add_block_count(layers)
    writer.add_embedding_length(width)
    writer.add_context_length(get(config, "max_position_embeddings", "n_positions"))
    writer.add_head_count(heads)
    writer.add_head_count_kv([0 if kind == "conv" else kv_heads for kind in types] if "conv" in types else kv_heads)
    ffn = get(config, "intermediate_size", default=4 * width)
    if arch == "lfm2" and config.get("block_auto_adjust_ff_dim"):
        of = config["block_multiple_of"]
        ffn = (int(2 * ffn / 3 * config["block_ffn_dim_multiplier"]) + of - 1) // of * of
    writer.add_feed_forward_length(ffn)
    writer.add_vocab_size(models.VOCAB)
    if arch == "gpt2":
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
        return
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(get(config, "rms_norm_eps", "norm_eps"))
    add_rope(writer, config, head_dim)
    if get(config, "sliding_window") and arch in ("llama", "gemma2", "gemma3", "phi3"):
        writer.add_sliding_window(config["sliding_window"])
    for key, add in (("attn_logit_softcapping", writer.add_attn_logit_softcapping),
                     ("final_logit_softcapping", writer.add_final_logit_softcapping)):
        if get(config, key) and arch.startswith("gemma"):
            add(config[key])
    if "conv_L_cache" in config:
        writer.add_shortconv_l_cache(config["conv_L_cache"])
    if "moe_intermediate_size" in config:
        writer.add_expert_count(get(config, "num_experts", "num_local_experts"))
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    if arch == "lfm2moe":
        writer.add_leading_dense_block_count(config["num_dense_layers"])
        writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)


def add_vocabulary(writer):
    pieces = list(models.tokenizer_json()["model"]["vocab"])
    kinds = [2, 3, 3] + [6] * 256 + [1] * (models.VOCAB - 259)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([-float(i) for i in range(models.VOCAB)])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def write(path, case, golden):
    arch = ARCHITECTURES[golden["config"]["architectures"][0]]
    config = language_part(golden["config"])
    writer = gguf.GGUFWriter(str(path), arch)
    add_keys(writer, arch, config)
    add_vocabulary(writer)
    for name, values in tensors_of(arch, config, models.state(case, golden["tensors"])).items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
