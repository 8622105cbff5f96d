#!/usr/bin/env python3
"""Run ingle and llama.cpp in turn on one file and print medians, quartiles and the ratio round by round.

Started by bench/peers.sh. Every round runs a read-bandwidth canary, then each engine in a fresh process, the order
rotating; a process measures twice and its better value counts (the first pass warms caches). Ratios compare the two
engines of the same round, so a machine whose speed drifts does not favour one. Every raw figure goes into the log.
"""
import argparse
import json
import subprocess
import sys
import time

import numpy as np


def quartiles(values):
    return tuple(np.percentile(values, [25, 50, 75]))


def canary():
    """GB/s of one thread reading 256 MiB: shows when the machine was slow or busy."""
    data = np.ones(1 << 25, dtype=np.float64)
    start = time.perf_counter()
    data.sum()
    return data.nbytes / (time.perf_counter() - start) / 1e9


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {' '.join(command)} failed with {done.returncode}:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def best(results):
    return {key: max(r[key] for r in results) for key in ("prefill_tokens_per_second", "decode_tokens_per_second")}


def engines(args):
    ingle = [args.ingle, "bench", args.model, "--prompt", str(args.prompt), "--generate", str(args.generate),
             "--threads", str(args.threads), "--repeat", "2", "--json", "--sequences"]
    return {
        "ingle": ingle + ["1"],
        "ingle x8": ingle + ["8"],
        "llama.cpp": [args.node, args.peer, args.model, str(args.prompt), str(args.generate), str(args.threads), "2"],
    }


def measure(args):
    rounds, names = [], list(engines(args))
    with open(args.log, "a") as log:
        for number in range(args.rounds):
            result = {"round": number, "canary_gb_per_s": canary()}
            for name in names[number % len(names):] + names[:number % len(names)]:
                result[name] = best(run(engines(args)[name]))
            log.write(json.dumps(result) + "\n")
            log.flush()
            rounds.append(result)
            print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
    return rounds


def row(label, values, unit):
    low, middle, high = quartiles(values)
    print(f"{label:42} {middle:9.2f} {unit:5} (quartiles {low:.2f} to {high:.2f}, {len(values)} rounds)")


def report(rounds):
    for name in ("ingle", "llama.cpp"):
        row(f"{name}: prefill", [r[name]["prefill_tokens_per_second"] for r in rounds], "tok/s")
        row(f"{name}: decode", [r[name]["decode_tokens_per_second"] for r in rounds], "tok/s")
    for what in ("prefill", "decode"):
        key = what + "_tokens_per_second"
        row(f"{what}: ingle / llama.cpp", [r["ingle"][key] / r["llama.cpp"][key] for r in rounds], "x")
    key = "decode_tokens_per_second"
    row("step of 8 sequences / step of 1", [8 * r["ingle"][key] / r["ingle x8"][key] for r in rounds], "x")
    row("canary, one thread reading", [r["canary_gb_per_s"] for r in rounds], "GB/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "node", "peer", "ingle", "log"):
        parser.add_argument("--" + name, required=True)
    for name, default in (("threads", 2), ("rounds", 7), ("prompt", 512), ("generate", 64)):
        parser.add_argument("--" + name, type=int, default=default)
    report(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
