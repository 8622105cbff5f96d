#!/usr/bin/env python3
"""Writes src/formats/testdata/quantize.bin: rows of floats, and the blocks that others make of them.

    pip install gguf==0.19.0 numpy && npm install node-llama-cpp@3.22.1
    python3 tests/parity/formats/make_quantize_goldens.py node_modules/@node-llama-cpp/linux-x64/bins/linux-x64/libggml-base.so

F16, BF16, Q8_0, Q4_0, Q5_0 and Q5_1 by the `gguf` package, the K-quants (which it does not write) by llama.cpp's own library
(ggml_quantize_chunk). Little endian: u32 rows, float32 [rows, 512]; then per type: u32 ggml number, u32 bytes, the blocks."""
import ctypes
import pathlib
import struct
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import quantize

COLS = 512


def rows_of(rng):
    """Two rows of each kind: usual, heavy-tailed, with outliers, one-sided, and odd ones."""
    heavy = rng.standard_t(1.5, (2, COLS)).clip(-2000, 2000) * 0.02
    spikes = rng.standard_normal((2, COLS)) * np.where(rng.random((2, COLS)) < 0.005, 0.6, 0.02)
    odd = np.stack([np.repeat([0.0, 0.3, -0.3, 1e-7], COLS // 4), rng.standard_normal(COLS) * np.repeat([1e-6, 6e4 / 5], COLS // 2)])
    rows = [rng.standard_normal((2, COLS)) * 0.02, rng.laplace(size=(2, COLS)), rng.standard_t(3, (2, COLS)) * 0.05, heavy, spikes,
            rng.random((2, COLS)) * [[1], [-1]], odd.clip(-65504, 65504)]
    return np.concatenate(rows).astype("<f4")


def by_llama_cpp(library, rows, kind):
    weights, size = GGML_QUANT_SIZES[kind]
    out = np.zeros(rows.size // weights * size, np.uint8)
    library.ggml_quantize_chunk(ctypes.c_int(int(kind)), ctypes.c_void_p(rows.ctypes.data), ctypes.c_void_p(out.ctypes.data),
                                ctypes.c_int64(0), ctypes.c_int64(len(rows)), ctypes.c_int64(COLS), None)
    return out


def main():
    rows = rows_of(np.random.default_rng(20261121))
    library = ctypes.CDLL(sys.argv[1])
    out = pathlib.Path(__file__).resolve().parents[3] / "src/formats/testdata/quantize.bin"
    with out.open("wb") as file:
        file.write(struct.pack("<I", len(rows)) + rows.tobytes())
        for kind in (T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K):
            k_quant = kind in (T.Q4_K, T.Q5_K, T.Q6_K)
            blocks = by_llama_cpp(library, rows, kind) if k_quant else quantize(rows, kind)
            file.write(struct.pack("<II", int(kind), blocks.nbytes) + blocks.tobytes())
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
