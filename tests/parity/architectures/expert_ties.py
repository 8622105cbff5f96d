#!/usr/bin/env python3
"""How far rounding a mixture of experts to BF16 takes its logits, and how much of it is tokens that go to another expert:
transformers with rounded weights in float32, transformers in bfloat16, and ingle.

    python -m venv v && v/bin/pip install torch==2.9.1 transformers==5.23.0 numpy
    v/bin/python expert_ties.py ../../../build/release/ingle [qwen3moe | lfm2moe]"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import transformers

import models

HERE = pathlib.Path(__file__).resolve().parent


def run(name, folder, dtype):
    """Logits of every position, and by what every layer with experts chooses them."""
    kind = getattr(transformers, models.CASES[name][0])
    model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    routers = {}
    for part, module in model.named_modules():
        if part.endswith((".mlp.gate", ".feed_forward.gate")):
            def note(gate, inputs, _, layer=int(part.split(".")[2])):
                x = inputs[0].detach().float().reshape(-1, inputs[0].shape[-1])
                scores = x @ gate.weight.detach().float().T
                if len(inputs) > 1 and inputs[1] is not None:  # LFM2's bias that only chooses.
                    scores = scores.sigmoid() + inputs[1].float()
                routers[layer] = scores.numpy()
            module.register_forward_hook(note)
    with torch.no_grad():
        logits = model(torch.tensor([models.tokens()]), use_cache=False).logits[0].float().numpy()
    return logits, routers


def chosen(routers, used):
    return {layer: np.sort(np.argsort(-scores, axis=1, kind="stable")[:, :used]) for layer, scores in routers.items()}


def ingle(binary, folder, out):
    tokens = ",".join(map(str, models.tokens()))
    subprocess.run([binary, "logits", str(folder), "--tokens", tokens, "-o", str(out), "--cache-type", "f32"], check=True)
    return np.load(out)


def main():
    binary, name = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "qwen3moe"
    golden = json.loads((HERE / "goldens" / f"{name}.json").read_text())
    used = golden["config"]["num_experts_per_tok"]
    with tempfile.TemporaryDirectory() as where:
        where = pathlib.Path(where)
        exact = models.write_directory(where / "f32", name, golden, "F32")
        rounded = models.write_directory(where / "bf16", name, golden, "BF16")
        original, routers = run(name, exact, torch.float32)
        runs = {"transformers in F32, rounded weights": run(name, rounded, torch.float32),
                "transformers in BF16": run(name, rounded, torch.bfloat16),
                "ingle": (ingle(binary, rounded, where / "logits.npy"), None)}
    experts = chosen(routers, used)
    for what, (logits, its_routers) in runs.items():
        error = np.abs(logits - original).max(axis=1) / np.abs(original).max()
        print(f"{what}: median {np.median(error):.4f}, largest {error.max():.4f}, at position 299 {error[299]:.4f}")
        if its_routers is None:
            continue
        others = np.any([(its != experts[layer]).any(axis=1) for layer, its in chosen(its_routers, used).items()], axis=0)
        print(f"  {others.sum()} positions go to another expert: median {np.median(error[others]):.4f} there; "
              f"elsewhere at most {error[~others].max():.4f}")
    for layer, scores in routers.items():
        best = -np.sort(-scores, axis=1)
        gap = best[:, used - 1] - best[:, used]
        print(f"layer {layer}: the last expert used is {np.median(gap):.3f} better than the next (median), {gap[299]:.4f} at 299")


main()
