#!/usr/bin/env python3
"""From the start of a process to a model that answers: without and with a pack cache, and llama.cpp beside it.

    bench/load.py --ingle build/release/ingle [--rounds 7] [--node NODE --peer build/bench/peer_load.mjs] MODEL ...

Files are in the page cache (each is read once before). Rounds are interleaved: in each, every model in every mode.
  ready        from starting `ingle serve` to the URL on its standard output, which comes when the model is there
  first token  from starting `ingle serve` to the first byte of text of a request that is sent at once when it is ready
  VmHWM, PSS   of the worker process behind that token
  decode       tokens/s of `ingle bench`, in the same mode
llama.cpp (npm package node-llama-cpp): from starting node to a loaded model with a context, and to its first token.
Prints medians with quartiles for docs/PERFORMANCE.md and writes every value to --log. Exits with 1 when a limit of
LIMITS is missed by a median: seconds per GB of file, seconds, ratios.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

GB = 1e9
LIMITS = {"ready_s_per_gb": 1.0, "ready_cached_s": 0.3, "memory_ratio": 1.15, "decode_ratio": 0.95}


def file_bytes(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))


def warm(path):
    files = [path] if not os.path.isdir(path) else [os.path.join(path, name) for name in os.listdir(path)]
    for name in files:
        with open(name, "rb") as file:
            while file.read(1 << 24):
                pass


def worker_memory(gateway):
    children = pathlib.Path(f"/proc/{gateway}/task").glob("*/children")
    (worker,) = [int(pid) for task in children for pid in task.read_text().split()]
    status = pathlib.Path(f"/proc/{worker}/status").read_text()
    rollup = pathlib.Path(f"/proc/{worker}/smaps_rollup").read_text()
    return {"hwm_bytes": int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024,
            "pss_bytes": int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) * 1024}


def first_token(url):
    body = json.dumps({"prompt": "Hello", "max_tokens": 1, "temperature": 0, "ignore_eos": True, "stream": True}).encode()
    request = urllib.request.Request(url + "/v1/completions", body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as reply:
        for line in reply:
            if line.startswith(b"data: {"):
                return


def flags(args, cached):
    return ["--threads", str(args.threads)] + (["--pack-cache", args.cache] if cached else [])


def serve(args, path, cached):
    begin = time.perf_counter()
    process = subprocess.Popen([args.ingle, "serve", path, "--port", "0", "--quiet", "--ctx", str(args.ctx),
                                "--cache-tokens", str(args.ctx), *flags(args, cached)],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    url = process.stdout.readline().strip()
    ready = time.perf_counter() - begin
    if not url:
        sys.exit(f"load: serving {path} failed: {process.stderr.read()}")
    first_token(url)
    result = {"ready_s": ready, "first_token_s": time.perf_counter() - begin, **worker_memory(process.pid)}
    process.terminate()
    process.terminate()  # The second signal waits for nobody.
    _, said = process.communicate(timeout=60)
    if cached and "the weights from the pack cache" not in said:
        sys.exit(f"load: {path} was not read from the cache: {said}")
    return result


def decode(args, path, cached):
    run = subprocess.run([args.ingle, "bench", path, "--prompt", "8", "--generate", str(args.generate), "--repeat", "2",
                          "--json", *flags(args, cached)], check=True, capture_output=True, text=True)
    best = max(json.loads(line)["decode_tokens_per_second"] for line in run.stdout.splitlines())
    return {"decode_tokens_per_second": best}


def peer(args, path):
    node, script, model = map(os.path.abspath, (args.node, args.peer, path))  # It runs beside its node_modules.
    run = subprocess.run([node, script, model, str(args.ctx), str(args.threads), str(time.time())],
                         check=True, capture_output=True, text=True, cwd=os.path.dirname(script))
    return json.loads(run.stdout.splitlines()[-1])


def measure(args):
    rows = []
    modes = ["packed", "cached"] + (["llama.cpp"] if args.node else [])
    with open(args.log, "w") as log:
        for number in range(args.rounds):
            for path in args.models:
                for mode in modes[number % len(modes):] + modes[:number % len(modes)]:
                    if mode == "llama.cpp":
                        if os.path.isdir(path):
                            continue
                        result = peer(args, path)
                    else:
                        result = {**serve(args, path, mode == "cached"), **decode(args, path, mode == "cached")}
                    rows.append({"model": path, "mode": mode, "round": number, **result})
                    print(json.dumps(rows[-1]), file=log, flush=True)
    return rows


def spread(values, scale=1.0, digits=2):
    values = sorted(value / scale for value in values)
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def report(args, rows):
    good = True
    print("| model | file MB | mode | ready s | first token s | VmHWM MB | PSS MB | VmHWM / (file + cache) | decode tokens/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for path in args.models:
        size = file_bytes(path)
        show = json.loads(subprocess.run([args.ingle, "show", path, "--json", "--ctx", str(args.ctx)], check=True,
                                         capture_output=True).stdout)["memory"]
        allowed = size + show["cache_bytes"]
        middle = {}
        for mode in ("packed", "cached", "llama.cpp"):
            mine = [row for row in rows if row["model"] == path and row["mode"] == mode]
            if not mine:
                continue
            column = lambda key: [row[key] for row in mine]
            cells = [spread(column("ready_s")), spread(column("first_token_s")), spread(column("hwm_bytes"), 1e6, 0)]
            if mode == "llama.cpp":
                cells += ["", f"{statistics.median(column('hwm_bytes')) / allowed:.2f}", ""]
            else:
                middle[mode] = {key: statistics.median(column(key)) for key in
                                ("ready_s", "hwm_bytes", "decode_tokens_per_second")}
                cells += [spread(column("pss_bytes"), 1e6, 0), f"{middle[mode]['hwm_bytes'] / allowed:.3f}",
                          spread(column("decode_tokens_per_second"), 1, 1)]
            print(f"| {os.path.basename(path.rstrip('/'))} | {size / 1e6:.0f} | {mode} | " + " | ".join(cells) + " |")
        large = size > GB / 10  # Below, the program itself is what counts.
        good &= middle["packed"]["ready_s"] <= LIMITS["ready_s_per_gb"] * max(size, GB / 4) / GB
        good &= middle["cached"]["ready_s"] <= LIMITS["ready_cached_s"] * max(size, GB) / GB
        good &= not large or all(m["hwm_bytes"] <= LIMITS["memory_ratio"] * allowed for m in middle.values())
        good &= (not large or middle["cached"]["decode_tokens_per_second"] >=
                 LIMITS["decode_ratio"] * middle["packed"]["decode_tokens_per_second"])
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--ctx", type=int, default=512)
    p.add_argument("--generate", type=int, default=48)
    p.add_argument("--node", help="with --peer: a node to run build/bench/peer_load.mjs with (bench/install.sh makes both)")
    p.add_argument("--peer")
    p.add_argument("--log", default="build/bench/load.jsonl")
    p.add_argument("--cache", help="folder of the pack cache; default: a temporary one beside the log")
    p.add_argument("models", nargs="+")
    args = p.parse_args()
    os.makedirs(os.path.dirname(args.log) or ".", exist_ok=True)
    own = None if args.cache else tempfile.mkdtemp(prefix="packs-", dir=os.path.dirname(args.log) or ".")
    args.cache = args.cache or own
    try:
        for path in args.models:
            warm(path)
            decode(args, path, True)  # Writes the cache.
        for name in os.listdir(args.cache):
            warm(os.path.join(args.cache, name))
        good = report(args, measure(args))
    finally:
        if own:
            shutil.rmtree(own)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
