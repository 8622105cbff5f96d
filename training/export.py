"""Writes a checkpoint of train.py as models/spark-q8_0.gguf and as a Hugging Face directory.

GGUF keeps rotary pairs next to each other, so the rows of Q and K are reordered within a head.
"""

import argparse
import json
import struct
from pathlib import Path

import gguf
import numpy as np
import torch

import model as network

ROOT = Path(__file__).parent.parent
SAMPLING = {"temperature": 0.0, "top_k": 40, "top_p": 0.95, "min_p": 0.05}
HF_NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "q": "self_attn.q_proj",
            "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.o_proj", "gate": "mlp.gate_proj",
            "up": "mlp.up_proj", "down": "mlp.down_proj"}
GGUF_NAMES = {"attn_norm": "attn_norm", "ffn_norm": "ffn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v",
              "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}


def interleave(w, heads):
    """Rows (i, i + head_dim / 2) of every head become neighbours."""
    rows, columns = w.shape
    return w.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def write_gguf(path, c, weights, tokenizer, template, context):
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_name("spark")
    w.add_description("A very small chat model with a handful of skills, trained from scratch for ingle.")
    w.add_license("apache-2.0")
    w.add_size_label(f"{sum(x.size for x in weights.values()) / 1e6:.1f}M")
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_context_length(context)
    w.add_embedding_length(c.width)
    w.add_block_count(c.layers)
    w.add_feed_forward_length(c.ffn)
    w.add_head_count(c.heads)
    w.add_head_count_kv(c.kv_heads)
    w.add_rope_dimension_count(c.head_dim)
    w.add_rope_freq_base(c.rope_theta)
    w.add_layer_norm_rms_eps(c.norm_eps)
    w.add_vocab_size(c.vocab)
    w.add_sampling_temp(SAMPLING["temperature"])
    w.add_sampling_top_k(SAMPLING["top_k"])
    w.add_sampling_top_p(SAMPLING["top_p"])
    w.add_sampling_min_p(SAMPLING["min_p"])
    add_tokenizer(w, tokenizer, template)
    add_tensors(w, c, weights)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def add_tokenizer(w, tokenizer, template):
    kinds = {t["content"]: gguf.TokenType.CONTROL if t["special"] else gguf.TokenType.USER_DEFINED
             for t in tokenizer["added_tokens"]}
    ids = tokenizer["model"]["vocab"]
    tokens = sorted(ids, key=ids.get)
    assert [ids[t] for t in tokens] == list(range(len(tokens)))
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")
    w.add_token_list(tokens)
    w.add_token_types([kinds.get(t, gguf.TokenType.NORMAL) for t in tokens])
    w.add_token_merges([" ".join(m) for m in tokenizer["model"]["merges"]])
    w.add_bos_token_id(ids["<|endoftext|>"])
    w.add_eos_token_id(ids["<|im_end|>"])
    w.add_eot_token_id(ids["<|im_end|>"])
    w.add_pad_token_id(ids["<|endoftext|>"])
    w.add_add_bos_token(False)
    w.add_chat_template(template)


def add_tensors(w, c, weights):
    def matrix(name, values):
        kind = gguf.GGMLQuantizationType.Q8_0
        w.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values), kind), raw_dtype=kind)

    matrix("token_embd.weight", weights["embed"])
    w.add_tensor("output_norm.weight", weights["norm"])
    for i in range(c.layers):
        for ours, theirs in GGUF_NAMES.items():
            values, name = weights[f"blocks.{i}.{ours}"], f"blk.{i}.{theirs}.weight"
            if values.ndim == 1:
                w.add_tensor(name, values)
            elif ours in "qk":
                matrix(name, interleave(values, c.heads if ours == "q" else c.kv_heads))
            else:
                matrix(name, values)


def write_safetensors(path, tensors):
    """tensors: name to float32 array; stored as bfloat16 (rounded to nearest even by PyTorch)."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, values in tensors.items():
        blob = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy().tobytes()
        header[name] = {"dtype": "BF16", "shape": list(values.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_hf(path, c, weights, template, context):
    tensors = {"model.embed_tokens.weight": weights["embed"], "model.norm.weight": weights["norm"]}
    for i in range(c.layers):
        for ours, theirs in HF_NAMES.items():
            tensors[f"model.layers.{i}.{theirs}.weight"] = weights[f"blocks.{i}.{ours}"]
    write_safetensors(path / "model.safetensors", tensors)
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": c.width,
              "intermediate_size": c.ffn, "num_hidden_layers": c.layers, "num_attention_heads": c.heads,
              "num_key_value_heads": c.kv_heads, "head_dim": c.head_dim, "vocab_size": c.vocab,
              "max_position_embeddings": context, "rms_norm_eps": c.norm_eps, "rope_theta": c.rope_theta,
              "hidden_act": "silu", "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True,
              "torch_dtype": "bfloat16", "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0}
    tokenizer_config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>",
                        "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "model_max_length": context,
                        "clean_up_tokenization_spaces": False, "chat_template": template}
    generation = {"eos_token_id": [2, 0], "pad_token_id": 0, "do_sample": False}
    for name, value in (("config", config), ("tokenizer_config", tokenizer_config), ("generation_config", generation)):
        (path / f"{name}.json").write_text(json.dumps(value, indent=2) + "\n")


def main():
    a = argparse.ArgumentParser(description=__doc__)
    a.add_argument("checkpoint")
    a.add_argument("--gguf", type=Path, default=ROOT / "models" / "spark-q8_0.gguf")
    a.add_argument("--hf", type=Path, default=ROOT / "models" / "spark")
    a.add_argument("--context", type=int, default=512, help="the longest conversation the skills were measured with")
    o = a.parse_args()
    state = torch.load(o.checkpoint, weights_only=False, map_location="cpu")
    c = network.Config(**state["config"])
    weights = {k: v.float().numpy() for k, v in state["model"].items()}
    template = (ROOT / "models" / "spark.jinja").read_text()
    tokenizer = json.loads((ROOT / "models" / "spark" / "tokenizer.json").read_text())
    write_gguf(o.gguf, c, weights, tokenizer, template, o.context)
    write_hf(o.hf, c, weights, template, o.context)
    size = o.gguf.stat().st_size
    assert size <= 8 << 20, size
    print(f"{o.gguf}: {size} bytes after {state['tokens']} tokens")


if __name__ == "__main__":
    main()
