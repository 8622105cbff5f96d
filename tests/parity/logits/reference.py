#!/usr/bin/env python3
"""Logits of a GGUF model in float64: Llama, Qwen2, Qwen3 and SmolLM3, written from their papers and model cards.

    reference.py MODEL.gguf --tokens 1,2,3 -o FILE.npy

Reads the file and dequantises with the `gguf` package (PyPI); shares no code with src/. Slow on purpose."""
import argparse
import math

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize


class File:
    def __init__(self, path):
        self.reader = GGUFReader(path)
        self.fields = self.reader.fields
        self.tensors = {t.name: t for t in self.reader.tensors}
        self.arch = self.text("general.architecture")

    def text(self, key):
        return bytes(self.fields[key].parts[self.fields[key].data[0]]).decode()

    def get(self, key, fallback=None):
        field = self.fields.get(f"{self.arch}.{key}")
        if field is None:
            return fallback
        return field.contents()

    def rows(self, name, step=16384):
        """The matrix in pieces of rows, float64."""
        tensor = self.tensors[name]
        for begin in range(0, tensor.data.shape[0], step):
            yield dequantize(tensor.data[begin:begin + step], tensor.tensor_type).astype(np.float64)

    def array(self, name):
        tensor = self.tensors[name]
        return dequantize(tensor.data, tensor.tensor_type).astype(np.float64)

    def multiply(self, x, name):
        """x [tokens, cols] times the transpose of the matrix."""
        return np.concatenate([x @ part.T for part in self.rows(name)], axis=1)


def rms_norm(x, weight, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + epsilon) * weight


def frequencies(file, head_dim):
    """Angle per position of each pair, and what cosine and sine are multiplied by."""
    dim = file.get("rope.dimension_count", head_dim)
    base = float(file.get("rope.freq_base", 10000.0))
    pair = np.arange(0, dim, 2)
    frequency = base ** (-pair / dim)
    if "rope_freqs.weight" in file.tensors:
        frequency = frequency / file.array("rope_freqs.weight")
    kind = file.get("rope.scaling.type", "linear")
    factor = file.get("rope.scaling.factor", 1.0) or 1.0
    if kind == "linear":
        return frequency / factor, 1.0
    if kind == "none" or factor == 1.0:
        return frequency, 1.0
    assert kind == "yarn", kind
    context = file.get("rope.scaling.original_context_length")
    # The dimension whose pair turns `turns` times over the original context.
    def dimension(turns):
        return dim * math.log(context / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = max(math.floor(dimension(32.0)), 0), min(math.ceil(dimension(1.0)), dim - 1)
    slow = np.clip((np.arange(dim // 2) - low) / max(high - low, 0.001), 0, 1)
    return frequency * (1 - slow) + frequency / factor * slow, 0.1 * math.log(factor) + 1.0


def rotate(x, positions, frequency, magnitude, halves):
    """x [tokens, heads, head_dim]; the first 2 * len(frequency) elements of each head rotate."""
    angle = positions[:, None, None] * frequency
    cos, sin = np.cos(angle) * magnitude, np.sin(angle) * magnitude
    n = len(frequency)
    out = x.copy()
    first, second = (slice(0, n), slice(n, 2 * n)) if halves else (slice(0, 2 * n, 2), slice(1, 2 * n, 2))
    out[..., first] = x[..., first] * cos - x[..., second] * sin
    out[..., second] = x[..., first] * sin + x[..., second] * cos
    return out


def attention(q, k, v):
    """q [tokens, heads, dim]; k, v [tokens, kv_heads, dim]; causal."""
    tokens, heads, dim = q.shape
    out = np.empty_like(q)
    mask = np.triu(np.full((tokens, tokens), -np.inf), 1)
    for h in range(heads):
        kv = h * k.shape[1] // heads
        scores = q[:, h] @ k[:, kv].T / math.sqrt(dim) + mask
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        out[:, h] = weights / weights.sum(axis=1, keepdims=True) @ v[:, kv]
    return out.reshape(tokens, heads * dim)


def layer(file, x, index, positions, rope):
    width, heads = file.get("embedding_length"), file.get("attention.head_count")
    kv_heads = file.get("attention.head_count_kv", heads)
    dim = file.get("attention.key_length", width // heads)
    epsilon = file.get("attention.layer_norm_rms_epsilon")
    b = f"blk.{index}."

    def project(name, count):
        y = file.multiply(n, b + name + ".weight")
        if b + name + ".bias" in file.tensors:
            y = y + file.array(b + name + ".bias")
        y = y.reshape(len(x), count, dim)
        if b + name + "_norm.weight" in file.tensors:
            y = rms_norm(y, file.array(b + name + "_norm.weight"), epsilon)
        return y

    n = rms_norm(x, file.array(b + "attn_norm.weight"), epsilon)
    q, k, v = project("attn_q", heads), project("attn_k", kv_heads), project("attn_v", kv_heads)
    if not (file.arch == "smollm3" and (index + 1) % 4 == 0):
        halves = file.arch in ("qwen2", "qwen3")
        q, k = (rotate(y, positions, *rope, halves) for y in (q, k))
    x = x + file.multiply(attention(q, k, v), b + "attn_output.weight")
    n = rms_norm(x, file.array(b + "ffn_norm.weight"), epsilon)
    gate, up = file.multiply(n, b + "ffn_gate.weight"), file.multiply(n, b + "ffn_up.weight")
    return x + file.multiply(gate / (1 + np.exp(-gate)) * up, b + "ffn_down.weight")


def logits(path, tokens):
    """float64 [tokens, vocab]"""
    file = File(path)
    assert file.arch in ("llama", "qwen2", "qwen3", "smollm3"), file.arch
    embedding = file.tensors["token_embd.weight"]
    x = dequantize(embedding.data[np.array(tokens)], embedding.tensor_type).astype(np.float64)
    width, heads = file.get("embedding_length"), file.get("attention.head_count")
    rope = frequencies(file, file.get("attention.key_length", width // heads))
    positions = np.arange(len(tokens), dtype=np.float64)
    for index in range(file.get("block_count")):
        x = layer(file, x, index, positions, rope)
    x = rms_norm(x, file.array("output_norm.weight"), file.get("attention.layer_norm_rms_epsilon"))
    return file.multiply(x, "output.weight" if "output.weight" in file.tensors else "token_embd.weight")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--tokens", required=True)
    p.add_argument("-o", "--out", required=True)
    a = p.parse_args()
    np.save(a.out, logits(a.model, [int(t) for t in a.tokens.split(",")]))


if __name__ == "__main__":
    main()
