#!/usr/bin/env python3
"""Writes src/model/testdata/int4/: tiny Llama models in the forms of GPTQ and AWQ, as directories that Hugging Face could
publish, with the logits of a float64 reference: exact.f64 from the dequantised weights, rounded.f64 with the inputs of
quantised layers rounded as ingle's integer kernels do (int8 per 32 inputs, which act-order puts in order of groups, and
twice more of what that has lost). Each case in SEEDS models, drawn as GPT-2 is initialised: normal weights of 1 / sqrt(inputs),
what is added to the stream smaller by sqrt(2 layers), norms between 0.5 and 1.5.

    python3 tests/parity/quantized/make_model_goldens.py

Needs numpy and safetensors."""
import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

import int4

WIDTH, FFN, LAYERS, HEADS, KV_HEADS, VOCAB, THETA, EPSILON = 64, 96, 2, 4, 2, 48, 10000.0, 1e-5
DIM = WIDTH // HEADS
TOKENS = [1, 7, 30, 2, 2, 45, 19, 8]
SEEDS = 3
CASES = {  # group size, symmetric, act order, form
    "gptq": (32, True, False, "gptq"),
    "gptq_act_order": (32, False, True, "gptq"),
    "gptq_v2": (-1, False, False, "gptq_v2"),
    "awq": (32, False, False, "awq"),
}
LINEARS = {"self_attn.q_proj": (HEADS * DIM, WIDTH), "self_attn.k_proj": (KV_HEADS * DIM, WIDTH),
           "self_attn.v_proj": (KV_HEADS * DIM, WIDTH), "self_attn.o_proj": (WIDTH, HEADS * DIM),
           "mlp.gate_proj": (FFN, WIDTH), "mlp.up_proj": (FFN, WIDTH), "mlp.down_proj": (WIDTH, FFN)}


def make_weights(rng, case):
    group_size, symmetric, act_order, _ = case
    floats = {"model.embed_tokens.weight": rng.standard_normal((VOCAB, WIDTH)),
              "lm_head.weight": rng.standard_normal((VOCAB, WIDTH)) / 8, "model.norm.weight": rng.uniform(0.5, 1.5, WIDTH)}
    layers = {}
    for i in range(LAYERS):
        base = f"model.layers.{i}."
        for norm in ("input_layernorm", "post_attention_layernorm"):
            floats[f"{base}{norm}.weight"] = rng.uniform(0.5, 1.5, WIDTH)
        for name, (outputs, inputs) in LINEARS.items():
            weight = rng.standard_normal((outputs, inputs)) / np.sqrt(inputs)
            if name in ("self_attn.o_proj", "mlp.down_proj"):  # As GPT-2 initialises what is added to the stream.
                weight /= np.sqrt(2 * LAYERS)
            layers[base + name] = int4.round_to_int4(weight, group_size, symmetric, act_order, rng)
    return {k: v.astype(np.float32) for k, v in floats.items()}, layers


def round_to_int8(blocks):
    """Integers of 127 steps to the largest of each 32, and the steps."""
    largest = np.abs(blocks).max(axis=2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(largest < 2.0 ** -100, np.float32(0), np.rint(blocks * (np.float32(127) / largest)))
    return q, largest / np.float32(127)


def round_inputs(x, layer):
    """int8 with one scale per 32 inputs, those of a group side by side, twice more of what that has lost."""
    order = np.argsort(layer["group"], kind="stable")
    blocks = x.astype(np.float32)[:, order].reshape(len(x), -1, 32)
    total = np.zeros(blocks.shape)
    for _ in range(3):
        q, d = round_to_int8(blocks)
        total += q.astype(np.float64) * d
        blocks = blocks - q * d
    rounded = np.empty(x.shape)
    rounded[:, order] = total.reshape(x.shape)
    return rounded


def rms_norm(x, weight):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + EPSILON) * weight


def rotate(x):
    """[tokens, heads, DIM]; element i turns with element i + DIM / 2."""
    half = DIM // 2
    angle = np.arange(len(x))[:, None, None] * THETA ** (-np.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), b * np.cos(angle) + a * np.sin(angle)], axis=-1)


def logits(floats, layers, rounded):
    f = {k: v.astype(np.float64) for k, v in floats.items()}

    def linear(x, name):
        layer = layers[name]
        return (round_inputs(x, layer) if rounded else x) @ int4.dequantize(layer).astype(np.float64).T

    x = f["model.embed_tokens.weight"][TOKENS]
    count = len(TOKENS)
    for i in range(LAYERS):
        base = f"model.layers.{i}."
        n = rms_norm(x, f[base + "input_layernorm.weight"])
        q = rotate(linear(n, base + "self_attn.q_proj").reshape(count, HEADS, DIM))
        k = rotate(linear(n, base + "self_attn.k_proj").reshape(count, KV_HEADS, DIM))
        v = linear(n, base + "self_attn.v_proj").reshape(count, KV_HEADS, DIM)
        out = np.empty((count, HEADS, DIM))
        for h in range(HEADS):
            kv = h * KV_HEADS // HEADS
            scores = q[:, h] @ k[:, kv].T / np.sqrt(DIM) + np.triu(np.full((count, count), -np.inf), 1)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, h] = weights / weights.sum(axis=1, keepdims=True) @ v[:, kv]
        x = x + linear(out.reshape(count, -1), base + "self_attn.o_proj")
        n = rms_norm(x, f[base + "post_attention_layernorm.weight"])
        gate, up = linear(n, base + "mlp.gate_proj"), linear(n, base + "mlp.up_proj")
        x = x + linear(gate / (1 + np.exp(-gate)) * up, base + "mlp.down_proj")
    return rms_norm(x, f["model.norm.weight"]) @ f["lm_head.weight"].T


def config(case):
    group_size, symmetric, act_order, form = case
    quantization = {"quant_method": "awq", "bits": 4, "group_size": group_size, "version": "gemm", "zero_point": True}
    if form != "awq":
        quantization = {"quant_method": "gptq", "bits": 4, "group_size": group_size, "desc_act": act_order,
                        "sym": symmetric, "checkpoint_format": form}
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": WIDTH, "intermediate_size": FFN,
            "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
            "hidden_act": "silu", "max_position_embeddings": 128, "rms_norm_eps": EPSILON, "rope_theta": THETA,
            "vocab_size": VOCAB, "tie_word_embeddings": False, "quantization_config": quantization}


def write_model(directory, case, seed):
    rng = np.random.default_rng(seed)
    floats, layers = make_weights(rng, case)
    tensors = dict(floats)
    for name, layer in layers.items():
        parts = int4.pack_awq(layer) if case[3] == "awq" else int4.pack_gptq(layer, 2 if case[3] == "gptq_v2" else 1)
        tensors |= {f"{name}.{key}": np.ascontiguousarray(value) for key, value in parts.items()}
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / "model.safetensors")
    (directory / "config.json").write_text(json.dumps(config(case)) + "\n")
    exact, rounded = logits(floats, layers, False), logits(floats, layers, True)
    (directory / "exact.f64").write_bytes(exact.astype("<f8").tobytes())
    (directory / "rounded.f64").write_bytes(rounded.astype("<f8").tobytes())
    print(directory.name, "rounding of inputs changes logits by", np.abs(exact - rounded).max() / np.abs(exact).max())


def main():
    root = pathlib.Path(__file__).resolve().parents[3] / "src/model/testdata/int4"
    for number, (name, case) in enumerate(CASES.items()):
        for seed in range(SEEDS):
            write_model(root / (name if seed == 0 else f"{name}_{seed}"), case, 20261121 + number + 100 * seed)


if __name__ == "__main__":
    main()
