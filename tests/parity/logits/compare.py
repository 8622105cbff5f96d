#!/usr/bin/env python3
"""Compares `ingle logits` with llama.cpp and with the float64 reference, on models made by make_models.py.

    npm install node node-llama-cpp          # in a folder of your choice: --npm FOLDER
    pip install numpy gguf
    compare.py --ingle build/release/ingle --npm FOLDER [--only NAME] [--seeds 8] [--keep FOLDER]

1. F32 weights with an F32 cache: log-probabilities within 1e-4 of llama.cpp (F32 cache, flash attention off) at every
   position, logits within 1e-5 of the largest |logit| of the reference.
2. Every other type: root-mean-square error against the reference on dequantised weights, mean over seeds, at most
   1.25 times llama.cpp's with its defaults; BF16 1.6 times, and 1.25 times with an F32 cache.
3. Greedy text: at each of 64 tokens that llama.cpp generated, ingle's best token is the same unless llama.cpp's own
   lead over the second best is smaller than the rounding of the two.
Exit code 1 when a line fails."""
import argparse
import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

import make_models
import reference

HERE = pathlib.Path(__file__).resolve().parent
Config = make_models.Config
LOG_PROB_MAX, RELATIVE_MAX = 1e-4, 1e-5
RATIO_MAX = {"bf16": 1.6}
GENERATED = 64

# Twice the width of a super-block, so that K-quants have two per row.
SMALL = dict(width=512, ffn=768, heads=8, kv_heads=2, head_dim=64)
WIDE = dict(arch="qwen2", width=896, ffn=4864, heads=14, kv_heads=2, head_dim=64, vocab=151936, theta=1e6)
EXACT = {
    "llama": Config(rope_factors=True, theta=500000.0),
    "llama-untied": Config(rope_factors=True, theta=500000.0, tied=False),
    "llama-2": Config(kv_heads=4, tied=False, layers=3),
    "llama-odd": Config(width=80, ffn=112, heads=5, kv_heads=1, head_dim=16, vocab=333),
    "llama-wide-heads": Config(width=128, heads=4, kv_heads=2, head_dim=128),
    "llama-linear": Config(linear=4.0),
    "qwen2": Config(arch="qwen2", theta=1e6),
    "qwen2-untied": Config(arch="qwen2", theta=1e6, tied=False),
    "qwen2-yarn": Config(arch="qwen2", theta=1e6, width=256, head_dim=64, yarn=4.0),
    "qwen3": Config(arch="qwen3", theta=1e6, head_dim=32),
    "qwen3-untied": Config(arch="qwen3", theta=1e6, head_dim=32, tied=False),
    "smollm3": Config(arch="smollm3", theta=5e6, layers=4),
    "small": Config(**SMALL, rope_factors=True),
    "wide": Config(**WIDE),
    "wide-untied": Config(**WIDE, tied=False),
}
QUANTISED = {f"{kind}-{arch}": Config(arch=arch, type=kind, **SMALL)
             for kind in make_models.TYPES if kind != "f32" for arch in ("llama", "qwen2", "qwen3")}
QUANTISED |= {f"{kind}-wide": Config(type=kind, **(WIDE | dict(vocab=4096))) for kind in make_models.TYPES if kind != "f32"}


def log_probabilities(logits):
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


class Bench:
    """Runs the three programs on one model; what was made stays in `folder`."""

    def __init__(self, arguments, folder):
        self.ingle_path, self.npm, self.folder = arguments.ingle, pathlib.Path(arguments.npm), pathlib.Path(folder)
        shutil.copy(HERE / "peer.mjs", self.npm / "peer.mjs")  # Where its package is found.

    def path(self, name):
        return str(self.folder / name)

    def ingle(self, model, tokens, *options):
        out = self.path("ingle.npy")
        command = [self.ingle_path, "logits", model, "--tokens", ",".join(map(str, tokens)), "-o", out, *options]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{' '.join(command)[:200]}\n{run.stderr}")
        return np.load(out)

    def peer(self, model, tokens, cache, generate=0):
        job = {"model": model, "tokens": tokens, "cache": cache, "out": self.path("peer.npy"), "generate": generate,
               "generated": self.path("peer.json")}
        pathlib.Path(self.path("jobs.json")).write_text(json.dumps([job]))
        subprocess.run([self.npm / "node_modules/.bin/node", "peer.mjs", self.path("jobs.json")], cwd=self.npm, check=True)
        generated = json.loads(pathlib.Path(self.path("peer.json")).read_text()) if generate else None
        return np.load(self.path("peer.npy")), generated


def report(name, fine, text):
    print(f"{'ok  ' if fine else 'FAIL'} {name}: {text}", flush=True)
    return fine


def exact(bench, name, config, count):
    """Lines 1 and 3 for one model."""
    model = bench.path(name + ".gguf")
    make_models.make(config, model)
    tokens = make_models.tokens_for(config, count)
    truth = reference.logits(model, tokens)
    peer, generated = bench.peer(model, tokens, "f32", GENERATED)
    ours = bench.ingle(model, tokens, "--cache-type", "f32")
    difference = np.abs(log_probabilities(ours) - log_probabilities(peer)).max()
    relative = np.abs(ours - truth).max() / np.abs(truth).max()
    peer_relative = np.abs(peer - truth).max() / np.abs(truth).max()
    fine = report(name, difference <= LOG_PROB_MAX, f"log-probabilities differ from llama.cpp's by {difference:.1e}")
    fine &= report(name, relative <= RELATIVE_MAX,
                   f"logits differ from the reference by {relative:.1e} of the largest (llama.cpp: {peer_relative:.1e})")
    fine &= greedy(bench, name, model, tokens, generated, "f32", 1e-5 * np.abs(truth).max())
    pathlib.Path(model).unlink()
    return fine


def greedy(bench, name, model, tokens, generated, cache, rounding):
    chain = tokens + generated["tokens"]
    ours = bench.ingle(model, chain[:-1], "--cache-type", cache)[len(tokens) - 1:]
    best = ours.argmax(axis=1)
    allowed = np.array(generated["gaps"]) <= rounding
    wrong = [i for i in range(len(best)) if best[i] != generated["tokens"][i] and not allowed[i]]
    return report(name, not wrong, f"{len(best) - len(wrong)} of {len(best)} greedy tokens as llama.cpp's"
                  f" ({int(allowed.sum())} within rounding)")


def rms(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


def quantised(bench, name, config, seeds, count):
    errors = {"ours": [], "f32": [], "peer": []}
    fine = True
    for seed in range(1, seeds + 1):
        seeded = dataclasses.replace(config, seed=seed)
        model = bench.path(f"{name}.gguf")
        make_models.make(seeded, model)
        tokens = make_models.tokens_for(seeded, count)
        truth = reference.logits(model, tokens)
        peer, generated = bench.peer(model, tokens, "default", GENERATED if seed == 1 else 0)
        ours = bench.ingle(model, tokens)
        errors["peer"].append(rms(peer, truth))
        errors["ours"].append(rms(ours, truth))
        if config.type == "bf16":
            errors["f32"].append(rms(bench.ingle(model, tokens, "--cache-type", "f32"), truth))
        if generated:
            rounding = 2 * (np.abs(ours - truth).max() + np.abs(peer - truth).max())
            fine &= greedy(bench, name, model, tokens, generated, "bf16", rounding)
        pathlib.Path(model).unlink()
    ratio = np.mean(errors["ours"]) / np.mean(errors["peer"])
    limit = RATIO_MAX.get(config.type, 1.25)
    fine &= report(name, ratio <= limit, f"error {np.mean(errors['ours']):.2e}, llama.cpp {np.mean(errors['peer']):.2e}"
                   f" (logits have {truth.std():.1f}): ratio {ratio:.3f} of {limit}")
    if errors["f32"]:
        ratio = np.mean(errors["f32"]) / np.mean(errors["peer"])
        fine &= report(name, ratio <= 1.25, f"with an F32 cache: ratio {ratio:.3f} of 1.25")
    return fine


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--npm", required=True, help="folder whose node_modules hold node and node-llama-cpp")
    p.add_argument("--only", default="", help="models whose name contains this")
    p.add_argument("--seeds", type=int, default=8)
    p.add_argument("--tokens", type=int, default=96)
    p.add_argument("--long", type=int, default=600, help="tokens of the exact comparisons: past two attention splits")
    p.add_argument("--keep", help="work here and keep the last files")
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(a, a.keep or temporary)
        results = [exact(bench, name, config, 64 if config.vocab > 4096 else a.long)
                   for name, config in EXACT.items() if a.only in name]
        results += [quantised(bench, name, config, a.seeds, a.tokens)
                    for name, config in QUANTISED.items() if a.only in name]
    print(f"{sum(results)} of {len(results)} models as they must be")
    sys.exit(0 if results and all(results) else 1)


if __name__ == "__main__":
    main()
