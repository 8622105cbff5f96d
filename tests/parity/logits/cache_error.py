#!/usr/bin/env python3
"""What the types of the KV cache cost in precision: ingle's and llama.cpp's, on models of make_models.py with F32 weights.

    npm install node node-llama-cpp          # in a folder of your choice: --npm FOLDER
    pip install numpy gguf
    cache_error.py --ingle build/release/ingle --npm FOLDER [--seeds 8] [--tokens 600]

F32 weights, so that nothing else rounds: root-mean-square difference of all logits from those that the same program
computes with an F32 cache, as share of their spread, mean over seeds. llama.cpp (npm package node-llama-cpp) is asked for
F16, which is its default, and for Q8_0 keys and values. Exit code 1 when ingle's i8 is worse than llama.cpp's Q8_0, or
its bf16 than i8."""
import argparse
import dataclasses
import pathlib
import sys
import tempfile

import numpy as np

import compare
import make_models

MODELS = {
    "llama, heads of 64": compare.Config(**compare.SMALL, rope_factors=True),
    "llama, heads of 128": compare.Config(width=128, heads=4, kv_heads=2, head_dim=128, layers=4),
    "qwen2, heads of 64": compare.Config(arch="qwen2", theta=1e6, **compare.SMALL),
    "qwen3, heads of 32": compare.Config(arch="qwen3", theta=1e6, head_dim=32),
}
OURS, PEERS = ("bf16", "i8"), ("f16", "q8_0")


def errors(bench, name, config, count):
    """Of one model: {type: difference from the F32 cache as share of the logits' spread}."""
    model = bench.path("cache.gguf")
    make_models.make(config, model)
    tokens = make_models.tokens_for(config, count)
    exact = bench.ingle(model, tokens, "--cache-type", "f32")
    peer_exact, _ = bench.peer(model, tokens, "f32")
    out = {}
    for kind in OURS:
        out[kind] = compare.rms(bench.ingle(model, tokens, "--cache-type", kind), exact) / exact.std()
    for kind in PEERS:
        out[kind] = compare.rms(bench.peer(model, tokens, kind)[0], peer_exact) / peer_exact.std()
    pathlib.Path(model).unlink()
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--npm", required=True, help="folder whose node_modules hold node and node-llama-cpp")
    p.add_argument("--seeds", type=int, default=8)
    p.add_argument("--tokens", type=int, default=600)
    a = p.parse_args()
    fine = True
    print(f"mean of {a.seeds} seeds, {a.tokens} tokens | ingle bf16 | ingle i8 | llama.cpp F16 | llama.cpp Q8_0")
    with tempfile.TemporaryDirectory() as folder:
        bench = compare.Bench(a, folder)
        for name, config in MODELS.items():
            runs = [errors(bench, name, dataclasses.replace(config, seed=seed), a.tokens)
                    for seed in range(1, a.seeds + 1)]
            mean = {kind: float(np.mean([run[kind] for run in runs])) for kind in OURS + PEERS}
            print(f"{name} | " + " | ".join(f"{100 * mean[kind]:.3f} %" for kind in OURS + PEERS), flush=True)
            fine &= mean["bf16"] < mean["i8"] <= mean["q8_0"]
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
