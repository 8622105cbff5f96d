#!/usr/bin/env python3
"""Models with reproducible random weights, for comparing logits: the same bytes here and from src/model/test_model.h.

    make_models.py --arch llama --type q8_0 --seed 3 -o tiny.gguf
    make_models.py --arch qwen2 --width 896 --ffn 4864 --heads 14 --kv-heads 2 --head-dim 64 --vocab 151936 -o wide.gguf

Every number is a function of the tensor's name, the seed and the element's index (SplitMix64), so a model is a few
parameters, not a file to keep. Needs numpy."""
import argparse
import dataclasses
import math
import struct

import numpy as np

F32, F16, Q4_0, Q5_0, Q8_0, Q4_K, Q5_K, Q6_K, BF16 = 0, 1, 2, 6, 8, 12, 13, 14, 30
Q4_1, Q5_1, Q2_K, Q3_K, IQ4_NL, IQ4_XS, MXFP4 = 3, 7, 10, 11, 20, 23, 39
TYPES = {"f32": F32, "f16": F16, "bf16": BF16, "q8_0": Q8_0, "q4_0": Q4_0, "q5_0": Q5_0, "q4_k": Q4_K, "q5_k": Q5_K,
         "q6_k": Q6_K, "q4_1": Q4_1, "q5_1": Q5_1, "q2_k": Q2_K, "q3_k": Q3_K, "iq4_nl": IQ4_NL, "iq4_xs": IQ4_XS,
         "mxfp4": MXFP4}
BLOCK = {F32: (1, 4), F16: (1, 2), BF16: (1, 2), Q8_0: (32, 34), Q4_0: (32, 18), Q5_0: (32, 22), Q4_K: (256, 144),
         Q5_K: (256, 176), Q6_K: (256, 210), Q4_1: (32, 20), Q5_1: (32, 24), Q2_K: (256, 84), Q3_K: (256, 110),
         IQ4_NL: (32, 18), IQ4_XS: (256, 136), MXFP4: (32, 17)}
# Standard deviation of a block's weights when its scale is 1, so that rows come out near unit length.
SPREAD = {Q8_0: 74.0, Q4_0: 4.6, Q5_0: 9.2, Q4_K: 258.0, Q5_K: 526.0, Q6_K: 341.0, Q4_1: 4.6,
          Q5_1: 9.2, Q2_K: 13.9, Q3_K: 43.3, IQ4_NL: 71.0, IQ4_XS: 1310.0, MXFP4: 5.9}
# For a block's minimum: d * MIDDLE / 2, the middle of the quants.
MIDDLE = {Q4_K: 15, Q5_K: 31, Q2_K: 3, Q4_1: 15, Q5_1: 31}
SCALE_AT = {Q6_K: 208, Q3_K: 108, Q2_K: 80}  # Where a block keeps its scale, if not at its beginning.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
ALIGNMENT = 32


@dataclasses.dataclass
class Config:
    arch: str = "llama"
    type: str = "f32"
    layers: int = 2
    width: int = 64
    ffn: int = 96
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    vocab: int = 300
    context: int = 2048
    theta: float = 10000.0
    seed: int = 1
    tied: bool = True
    rope_factors: bool = False
    yarn: float = 0.0  # Factor; the original context is context / factor.
    linear: float = 0.0


def words(name, seed, begin, count):
    """`count` 64-bit words of the stream of this name, from index `begin` on."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    key = np.uint64((key ^ (seed * int(GOLDEN))) % 2**64)
    with np.errstate(over="ignore"):
        z = key + np.arange(begin + 1, begin + count + 1, dtype=np.uint64) * GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(name, seed, begin, count):
    """Doubles in [-1, 1) with 24 bits."""
    return (words(name, seed, begin, count) >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0


def half_bits(number, exponent):
    """Bits of the half float number * 2^exponent, which must be exact."""
    top = number.bit_length() - 1
    if top + exponent >= -14:
        return (top + exponent + 15) << 10 | (number - (1 << top)) << (10 - top)
    return number << (exponent + 24)


def blocks(name, kind, seed, cols, begin, count):
    """Blocks [begin, begin + count) of a quantised matrix: random quants under scales that keep rows near unit length."""
    _, size = BLOCK[kind]
    first, last = begin * size // 8, -(-(begin + count) * size // 8)
    raw = words(name, seed, first, last - first).view(np.uint8)
    data = raw[begin * size - first * 8:][:count * size].reshape(count, size).copy()
    target, k = 1.0 / (SPREAD[kind] * math.sqrt(cols)), 0
    while 2.0**-k > target:
        k += 1
    choice = words(name + "#scale", seed, begin, count)
    if kind == MXFP4:  # The scale is a power of two.
        data[:, 0] = 128 - k - (choice & np.uint64(1)).astype(np.uint8)
        return data
    eighths = (choice & np.uint64(7)).astype(np.int64)
    d = np.array([half_bits(8 + j, -k - 3) for j in range(8)], dtype=np.uint16)[eighths]
    if kind not in MIDDLE:  # Quants lean to the negative side; signs keep the mean of a row near zero.
        d |= (choice << np.uint64(12) & np.uint64(0x8000)).astype(np.uint16)
    if kind == Q6_K:
        data[:, 192:208] = (data[:, 192:208] & 63) - np.uint8(32)
    at = SCALE_AT.get(kind, 0)
    data[:, at:at + 2] = d.view(np.uint8).reshape(count, 2)
    if kind in MIDDLE:
        dmin = np.array([half_bits((8 + j) * MIDDLE[kind], -k - 4) for j in range(8)], dtype=np.uint16)[eighths]
        if kind in (Q4_1, Q5_1):  # What is added, not what is taken off.
            dmin |= np.uint16(0x8000)
        data[:, at + 2:at + 4] = dmin.view(np.uint8).reshape(count, 2)
    return data


def matrix_part(name, kind, seed, cols, begin, rows):
    """Bytes of rows [begin, begin + rows)."""
    scale = math.sqrt(3.0 / cols)
    if kind in (F32, BF16):
        values = (uniform(name, seed, begin * cols, rows * cols) * scale).astype("<f4")
        return values.tobytes() if kind == F32 else (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    if kind == F16:
        w = words(name, seed, begin * cols, rows * cols)
        exponent = 15 + math.frexp(scale)[1] - 1
        bits = (w & np.uint64(1)) << np.uint64(15) | w >> np.uint64(1) & np.uint64(1023)
        bits |= (np.uint64(exponent) - (w >> np.uint64(11) & np.uint64(3))) << np.uint64(10)
        return bits.astype("<u2").tobytes()
    per_row = cols // BLOCK[kind][0]
    return blocks(name, kind, seed, cols, begin * per_row, rows * per_row).tobytes()


def text(value):
    return struct.pack("<Q", len(value.encode())) + value.encode()


class Writer:
    def __init__(self):
        self.keys, self.tensors = [], []

    def number(self, key, kind, value):
        self.keys.append(text(key) + struct.pack("<I" + {4: "I", 6: "f"}[kind], kind, value))

    def string(self, key, value):
        self.keys.append(text(key) + struct.pack("<I", 8) + text(value))

    def array(self, key, kind, items):
        self.keys.append(text(key) + struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items))

    def tensor(self, name, dims, kind, parts):
        """parts: makes the tensor's bytes, piece by piece."""
        self.tensors.append((name, dims, kind, parts))

    def write(self, path):
        table, offset = b"", 0
        for name, dims, kind, _ in self.tensors:
            table += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
            weights, size = BLOCK[kind]
            offset += math.prod(dims) // weights * size
            offset += -offset % ALIGNMENT
        with open(path, "wb") as file:
            head = b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(self.keys)) + b"".join(self.keys) + table
            file.write(head)
            for _, _, _, parts in self.tensors:
                file.write(b"\0" * (-file.tell() % ALIGNMENT))
                for part in parts():
                    file.write(part)
            file.write(b"\0" * (-file.tell() % ALIGNMENT))


def add_keys(w, c):
    a = c.arch + "."
    w.string("general.architecture", c.arch)
    for key, value in (("block_count", c.layers), ("embedding_length", c.width), ("feed_forward_length", c.ffn),
                       ("attention.head_count", c.heads), ("attention.head_count_kv", c.kv_heads),
                       ("attention.key_length", c.head_dim), ("attention.value_length", c.head_dim),
                       ("rope.dimension_count", c.head_dim), ("context_length", c.context)):
        w.number(a + key, 4, value)
    w.number(a + "attention.layer_norm_rms_epsilon", 6, 1e-5)
    w.number(a + "rope.freq_base", 6, c.theta)
    if c.yarn or c.linear:
        w.string(a + "rope.scaling.type", "yarn" if c.yarn else "linear")
        w.number(a + "rope.scaling.factor", 6, c.yarn or c.linear)
    if c.yarn:
        w.number(a + "rope.scaling.original_context_length", 4, int(c.context / c.yarn))
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    pieces += [f"t{i}" for i in range(c.vocab - len(pieces))]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (c.vocab - 259)
    w.string("tokenizer.ggml.model", "llama")
    w.array("tokenizer.ggml.tokens", 8, [text(piece) for piece in pieces])
    w.array("tokenizer.ggml.scores", 6, [struct.pack("<f", -i) for i in range(c.vocab)])
    w.array("tokenizer.ggml.token_type", 5, [struct.pack("<i", kind) for kind in kinds])
    w.number("tokenizer.ggml.bos_token_id", 4, 1)
    w.number("tokenizer.ggml.eos_token_id", 4, 2)


def add_tensors(w, c):
    def vector(name, count, base, scale):
        w.tensor(name, [count], F32, lambda: [(uniform(name, c.seed, 0, count) * scale + base).astype("<f4").tobytes()])

    def matrix(name, rows, cols):
        kind = TYPES[c.type]
        if cols % BLOCK[kind][0]:  # As quantisers do where the rows do not divide.
            kind = Q8_0 if kind == Q6_K else Q5_0
        step = max(1, 4_000_000 // cols)
        w.tensor(name, [cols, rows], kind, lambda: (
            matrix_part(name, kind, c.seed, cols, r, min(step, rows - r)) for r in range(0, rows, step)))

    matrix("token_embd.weight", c.vocab, c.width)
    vector("output_norm.weight", c.width, 1.0, 0.25)
    if not c.tied:
        matrix("output.weight", c.vocab, c.width)
    if c.rope_factors:
        pairs = c.head_dim // 2
        factors = [1.0 + 7.0 * i / (pairs - 1) for i in range(pairs)]
        w.tensor("rope_freqs.weight", [pairs], F32, lambda: [np.array(factors, "<f4").tobytes()])
    q, kv = c.heads * c.head_dim, c.kv_heads * c.head_dim
    for i in range(c.layers):
        b = f"blk.{i}."
        vector(b + "attn_norm.weight", c.width, 1.0, 0.25)
        for name, rows, cols in (("attn_q", q, c.width), ("attn_k", kv, c.width), ("attn_v", kv, c.width),
                                 ("attn_output", c.width, q)):
            matrix(b + name + ".weight", rows, cols)
        if c.arch == "qwen2":
            for name, count in (("attn_q", q), ("attn_k", kv), ("attn_v", kv)):
                vector(b + name + ".bias", count, 0.0, 1.0)
        if c.arch == "qwen3":
            vector(b + "attn_q_norm.weight", c.head_dim, 1.0, 0.25)
            vector(b + "attn_k_norm.weight", c.head_dim, 1.0, 0.25)
        vector(b + "ffn_norm.weight", c.width, 1.0, 0.25)
        for name, rows, cols in (("ffn_gate", c.ffn, c.width), ("ffn_up", c.ffn, c.width), ("ffn_down", c.width, c.ffn)):
            matrix(b + name + ".weight", rows, cols)


def make(config, path):
    w = Writer()
    add_keys(w, config)
    add_tensors(w, config)
    w.write(path)


def tokens_for(config, count):
    """Tokens to run a model with: any but the first three (unknown and control)."""
    return [3 + int(w % np.uint64(config.vocab - 3)) for w in words("tokens", config.seed, 0, count)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Config):
        name = "--" + field.name.replace("_", "-")
        if field.type is bool or field.type == "bool":
            p.add_argument(name, type=lambda s: s == "1", default=field.default, metavar="0|1")
        else:
            p.add_argument(name, type=type(field.default), default=field.default)
    p.add_argument("-o", "--out", required=True)
    arguments = vars(p.parse_args())
    out = arguments.pop("out")
    make(Config(**arguments), out)


if __name__ == "__main__":
    main()
