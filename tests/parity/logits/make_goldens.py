#!/usr/bin/env python3
"""Writes src/model/testdata/logits.json: for small models of make_models.py, a checksum of the file and logits at some
positions by the float64 reference and by llama.cpp. src/model/parity_test.cc compares with them.

    make_goldens.py --npm FOLDER        (see compare.py)

Logits are float32, little endian, base64. Made with the packages of requirements.txt and node-llama-cpp 3.22.1."""
import argparse
import base64
import dataclasses
import json
import pathlib
import tempfile

import numpy as np

import compare
import make_models
import reference

OUT = pathlib.Path(__file__).resolve().parents[3] / "src/model/testdata/logits.json"
EXACT = {name: config for name, config in compare.EXACT.items() if not name.startswith(("wide", "small"))}
# One layer at the least width that has every type; a full super-block per row.
NARROW = dict(layers=1, width=256, ffn=256, heads=4, kv_heads=1, head_dim=64)
SEEDS = 4


def checksum(path):
    """FNV-1a over 64-bit words (files are padded to 32 bytes)."""
    value = 0xCBF29CE484222325
    for word in np.fromfile(path, dtype="<u8").tolist():
        value = (value ^ word) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def encode(logits):
    return base64.b64encode(logits.astype("<f4").tobytes()).decode()


def golden(bench, name, config, tokens, positions, cache):
    model = bench.path("golden.gguf")
    make_models.make(config, model)
    ids = make_models.tokens_for(config, tokens)
    peer, _ = bench.peer(model, ids, cache)
    truth = reference.logits(model, ids)
    print(name, f"{compare.rms(peer, truth):.2e}", flush=True)
    return {"name": name, "model": dataclasses.asdict(config), "checksum": checksum(model), "tokens": tokens,
            "positions": positions, "reference": encode(truth[positions]), "llama_cpp": encode(peer[positions])}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--npm", required=True)
    p.set_defaults(ingle=None)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = compare.Bench(a, folder)
        exact = [golden(bench, name, config, 600, [0, 1, 255, 256, 599], "f32") for name, config in EXACT.items()]
        quantised = [golden(bench, f"{kind}-{seed}", make_models.Config(type=kind, seed=seed, **NARROW), 40, [0, 20, 39],
                            "default")
                     for kind in make_models.TYPES if kind != "f32" for seed in range(1, SEEDS + 1)]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"exact": exact, "quantised": quantised}, indent=0) + "\n")
    print(OUT, OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
