#!/usr/bin/env python3
"""Writes the seeds of gguf_fuzz and weights_fuzz: small well-formed model files, and one file per way in which other
readers of GGUF have failed. Needs nothing but Python: python3 tests/corpus/make_gguf_seeds.py"""
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMAT = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", I64: "<q", F64: "<d"}
MANY = 2**64 - 1


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def key(name, kind, payload):
    return text(name) + struct.pack("<I", kind) + payload


def number(name, kind, value):
    return key(name, kind, struct.pack(FORMAT[kind], value))


def array(name, kind, count, payload=b""):
    return key(name, ARRAY, struct.pack("<IQ", kind, count) + payload)


def tensor(name, dims, kind, offset):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind % 2**32, offset % 2**64)


def header(tensors, keys, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def pad(data, to=32):
    return data + b"\0" * (-len(data) % to)


LLAMA = key("general.architecture", STRING, text("llama"))


def one(dims, kind=0, offset=0, keys=LLAMA, data=64):
    return pad(header(1, 1) + keys + tensor("a", dims, kind, offset)) + b"\0" * data


def two(first, second, data=64):
    return pad(header(2, 1) + LLAMA + tensor(*first) + tensor(*second)) + b"\0" * data


def hostile():
    yield "fine", one([4])
    yield "every_kind", header(0, 12) + b"".join(
        number(f"n{kind}", kind, 1) for kind in FORMAT) + key("s", STRING, text("é"))
    yield "arrays", header(0, 4) + array("t", STRING, 2, text("a") + text("")) + array("b", BOOL, 3, b"\1\0\1") + array(
        "f", F32, 2, struct.pack("<ff", 1, 2)) + array("u", U8, 5, b"12345")
    yield "version_2", header(0, 0, 2)
    yield "zero_row", one([0])
    yield "zero_rows", one([4, 0])
    yield "no_dimensions", one([])
    yield "row_wraps", two(("a", [MANY // 4], 0, 0), ("b", [4], 0, 0))
    yield "product_wraps", one([2**32, 2**32, 2])
    yield "removed_type", one([32], 4)
    yield "type_minus_one", one([32], -1)
    yield "past_the_end", one([10**6])
    yield "offset_wraps", one([8], 0, MANY - 31)
    yield "unaligned", one([8], 0, 16)
    yield "overlap", two(("a", [16], 0, 0), ("b", [8], 0, 32), 128)
    yield "same_name", two(("a", [8], 0, 0), ("a", [8], 0, 32))
    yield "alignment_signed", one([4], keys=number("general.alignment", I32, 32))
    yield "alignment_zero", one([4], keys=number("general.alignment", U32, 0))
    yield "alignment_huge", header(0, 1) + number("general.alignment", U32, 2**31)
    yield "same_key", header(0, 2) + LLAMA + LLAMA
    yield "nul_in_key", header(0, 1) + key(b"a\0b", STRING, text("x"))
    yield "not_utf8", header(0, 1) + key("x", STRING, text(b"\xff\xfe"))
    yield "long_string", header(0, 1) + key("x", STRING, struct.pack("<Q", MANY))
    yield "long_array", header(0, 1) + array("x", U8, MANY)
    yield "nested_array", header(0, 1) + array("x", ARRAY, 1, struct.pack("<IQI", U32, 1, 1))
    yield "many_keys", header(0, 2**32 - 1)
    yield "many_tensors", header(MANY, 0)


def model(architecture, biases=False, head_norms=False):
    """One layer, width 32, F32: about 20 KiB."""
    keys = [key("general.architecture", STRING, text(architecture))]
    for name, value in {"block_count": 1, "embedding_length": 32, "feed_forward_length": 32, "context_length": 64,
                        "attention.head_count": 4, "attention.head_count_kv": 2}.items():
        keys.append(number(f"{architecture}.{name}", U32, value))
    keys.append(number(f"{architecture}.attention.layer_norm_rms_epsilon", F32, 1e-5))
    keys.append(array("tokenizer.ggml.tokens", STRING, 3, text("a") + text("b") + text("c")))
    shapes = {"token_embd.weight": [32, 3], "output_norm.weight": [32], "blk.0.attn_norm.weight": [32],
              "blk.0.ffn_norm.weight": [32], "blk.0.attn_q.weight": [32, 32], "blk.0.attn_k.weight": [32, 16],
              "blk.0.attn_v.weight": [32, 16], "blk.0.attn_output.weight": [32, 32], "blk.0.ffn_gate.weight": [32, 32],
              "blk.0.ffn_up.weight": [32, 32], "blk.0.ffn_down.weight": [32, 32]}
    if biases:
        shapes |= {"blk.0.attn_q.bias": [32], "blk.0.attn_k.bias": [16], "blk.0.attn_v.bias": [16]}
    if head_norms:
        shapes |= {"blk.0.attn_q_norm.weight": [8], "blk.0.attn_k_norm.weight": [8]}
    if architecture == "llama":
        shapes["rope_freqs.weight"] = [4]
    table, offset = b"", 0
    for name, dims in shapes.items():
        table += tensor(name, dims, 0, offset)
        offset += 4 * dims[0] * (dims[1] if len(dims) > 1 else 1)
        offset += -offset % 32
    return pad(header(len(shapes), len(keys)) + b"".join(keys) + table) + struct.pack("<f", 1.0) * (offset // 4)


def main():
    models = {"llama": model("llama"), "qwen2": model("qwen2", biases=True), "qwen3": model("qwen3", head_norms=True),
              "smollm3": model("smollm3")}
    for fuzzer, seeds in {"gguf_fuzz": dict(hostile()), "weights_fuzz": models}.items():
        folder = HERE / fuzzer
        folder.mkdir(exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
