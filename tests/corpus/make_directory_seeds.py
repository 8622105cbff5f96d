#!/usr/bin/env python3
"""Write directory_fuzz/: the small files of tiny Hugging Face directories in the order of src/engine/directory_fuzz.cc.

    make_directory_seeds.py
"""
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
# The seed goes on with texts to encode.
TOKENIZER = json.dumps(json.JSONDecoder().raw_decode((HERE / "tokenizer_json_fuzz" / "bpe").read_text())[0])
SIZES = {"vocab_size": 12, "hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 4,
         "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": [0, 9], "hidden_act": "silu", "torch_dtype": "float32"}
SCALING = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
           "original_max_position_embeddings": 32}
TEMPLATE = ("{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
            "{% if add_generation_prompt %}<|assistant|>{% endif %}")
DEFAULTS = {"temperature": 0.6, "top_p": 0.9, "top_k": 20, "do_sample": True, "repetition_penalty": 1.05, "eos_token_id": [0, 9]}
NAMED = [{"name": "default", "template": TEMPLATE}, {"name": "tool_use", "template": "{{ tools | tojson }}"}]


def layers(biases=(), head_norms=False):
    attention, mlp = "model.layers.0.self_attn.", "model.layers.0.mlp."
    shapes = {"model.embed_tokens.weight": [12, 32], "model.norm.weight": [32], "model.layers.0.input_layernorm.weight": [32],
              "model.layers.0.post_attention_layernorm.weight": [32], attention + "q_proj.weight": [32, 32],
              attention + "k_proj.weight": [16, 32], attention + "v_proj.weight": [16, 32], attention + "o_proj.weight": [32, 32],
              mlp + "gate_proj.weight": [32, 32], mlp + "up_proj.weight": [32, 32], mlp + "down_proj.weight": [32, 32]}
    shapes |= {attention + f"{name}_proj.bias": [32 if name == "q" else 16] for name in biases}
    if head_norms:
        shapes |= {attention + "q_norm.weight": [8], attention + "k_norm.weight": [8]}
    return shapes


def weights(shapes):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    return struct.pack(">H", offset // 4) + json.dumps(header).encode()


def seed(config, shapes, tokenizer_config, template="", special_tokens="", index=""):
    files = [json.dumps(SIZES | config), json.dumps(DEFAULTS), json.dumps(tokenizer_config), TOKENIZER, special_tokens, template,
             "", index]
    return b"".join(text.encode() + b"\x1e" for text in files) + weights(shapes)


def main():
    special = json.dumps({"bos_token": {"content": "<s>", "lstrip": False}, "eos_token": "tool"})
    index = json.dumps({"weight_map": {name: "model.safetensors" for name in layers()}})
    seeds = {
        "llama": seed({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_scaling": SCALING}, layers(),
                      {"bos_token": "<s>", "eos_token": "tool", "add_bos_token": True, "chat_template": TEMPLATE}),
        "qwen2": seed({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "use_sliding_window": False}, layers("qkv"),
                      {"chat_template": NAMED}, special_tokens=special),
        "qwen3": seed({"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}, layers(head_norms=True),
                      {"additional_special_tokens": ["<s>"], "extra_special_tokens": {"image_token": "<i>"}}, TEMPLATE, index=index),
    }
    folder = HERE / "directory_fuzz"
    folder.mkdir(exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
