#!/usr/bin/env python3
"""Writes src/formats/testdata/dequantize.bin: random blocks of every type with the floats that the `gguf` package
(PyPI, 0.17 or later, with numpy) reads from them.

    python3 tests/parity/formats/make_dequantize_goldens.py

Little endian, per type: u32 ggml number, u32 blocks, the blocks, float32 per weight."""
import pathlib
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

TYPES = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K,
         T.Q2_K, T.Q3_K, T.IQ4_NL, T.IQ4_XS, T.MXFP4]
# Byte offsets of the half-precision scales in a block: random bits there would often be infinite or NaN.
SCALES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2],
          T.Q6_K: [208],
          T.Q2_K: [80, 82], T.Q3_K: [108], T.IQ4_NL: [0], T.IQ4_XS: [0], T.MXFP4: []}
HALVES = [0.0, 1.0, -0.0421, 6.0e-8, -3.1e-5, 65504.0, 0.3333]  # Zero, subnormals, the largest.


def blocks_of(kind, rng):
    weights, size = GGML_QUANT_SIZES[kind]
    count = 6 if weights > 1 else 64
    data = rng.integers(0, 256, (count, size), dtype=np.uint8)
    if kind in (T.F32, T.F16, T.BF16):
        values = rng.standard_normal(count) * 10.0 ** rng.integers(-7, 4, count)
        if kind == T.F32:
            return values.astype(np.float32).view(np.uint8).reshape(count, 4)
        if kind == T.F16:
            return np.concatenate([values[:-7], HALVES]).astype(np.float16).view(np.uint8).reshape(count, 2)
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(np.uint8).reshape(count, 2)
    if kind == T.MXFP4:
        data[:, 0] = [0, 1, 2, 127, 250, 120]  # Exponents: subnormal, small, one, large.
    for at in SCALES[kind]:
        halves = np.array([HALVES[(i + at) % len(HALVES)] for i in range(count)], dtype=np.float16)
        data[:, at:at + 2] = halves.view(np.uint8).reshape(count, 2)
    return data


def main():
    rng = np.random.default_rng(20261120)
    out = pathlib.Path(__file__).resolve().parents[3] / "src/formats/testdata/dequantize.bin"
    with out.open("wb") as file:
        for kind in TYPES:
            blocks = blocks_of(kind, rng)
            values = dequantize(blocks.reshape(1, -1) if kind != T.F32 else blocks.view(np.float32).reshape(1, -1), kind)
            file.write(struct.pack("<II", int(kind), len(blocks)) + blocks.tobytes())
            file.write(np.asarray(values, dtype=np.float32).tobytes())
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
