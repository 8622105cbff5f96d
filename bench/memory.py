#!/usr/bin/env python3
"""Peak memory and first token of models, beside the size of their files and what `ingle show` predicts.

    bench/memory.py --ingle build/release/ingle [--ctx 512] MODEL ...

Each model answers a prompt of most of the context in a process of its own. Peak: the largest resident set (VmHWM, as the
kernel counts it, pages of the file included) and the largest proportional set size seen, sampled every 20 ms. "file +
cache": the file (or the files of a directory) and the keys and values of the context. First token: from the start of a
process to the first byte of text, prompt "Hello", the file in the page cache, the best of --starts. Prints a table for
docs/PERFORMANCE.md. Exits with 1 when a peak is over 1.15 times file plus cache (files of 100 MB and more: below, the
program itself is what counts), or `show` misses VmHWM by more than 5 %.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

MB = 1e6


def file_bytes(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))


def show(args, path):
    command = [args.ingle, "show", path, "--json", "--ctx", str(args.ctx)]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["memory"]


def largest_pss(pid, done, out):
    while not done.wait(0.02):
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                out.append(int(next(line for line in f if line.startswith("Pss:")).split()[1]) * 1024)
        except (OSError, StopIteration):
            return


def run_command(args, path, tokens):
    return [args.ingle, "run", path, "-", "--raw", "--quiet", "--ctx", str(args.ctx), "--cache-tokens", str(args.ctx),
            "--threads", str(args.threads), "--temperature", "0", "--ignore-eos", "--max-tokens", str(tokens)]


def long_prompt(args, path):
    """Words of about three quarters of the context: an answer of 16 tokens fits behind them."""
    sample = " the" * 64
    counted = subprocess.run([args.ingle, "tokenize", path], input=sample.encode(), check=True, capture_output=True)
    return " the" * (args.ctx * 3 // 4 * 64 // len(json.loads(counted.stdout)))


def peak(args, path):
    prompt = long_prompt(args, path)
    with tempfile.TemporaryFile() as text:
        text.write(prompt.encode())
        text.seek(0)
        process = subprocess.Popen(run_command(args, path, 16), stdin=text, stdout=subprocess.DEVNULL)
        sizes, done = [0], threading.Event()
        watcher = threading.Thread(target=largest_pss, args=(process.pid, done, sizes))
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        done.set()
        watcher.join()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"memory: running {path} failed with {process.returncode}")
    return usage.ru_maxrss * 1024, max(sizes)


def first_token(args, path):
    best = float("inf")
    for _ in range(args.starts):
        with tempfile.TemporaryFile() as text:
            text.write(b"Hello")
            text.seek(0)
            begin = time.perf_counter()
            process = subprocess.Popen(run_command(args, path, 1), stdin=text, stdout=subprocess.PIPE)
            process.stdout.read(1)
            best = min(best, time.perf_counter() - begin)
            process.communicate()
    return best


def measure(args, path):
    memory = show(args, path)
    hwm, pss = peak(args, path)
    size, predicted = file_bytes(path), memory["total_bytes"]
    allowed = size + memory["cache_bytes"]
    good = abs(predicted / hwm - 1) <= 0.05 and (size < 100 * MB or hwm <= 1.15 * allowed)
    print(f"| {os.path.basename(path.rstrip('/'))} | {size / MB:.0f} | {memory['cache_bytes'] / MB:.0f} | {hwm / MB:.0f} | "
          f"{pss / MB:.0f} | {hwm / allowed:.3f} | {predicted / MB:.0f} | {predicted / hwm:.3f} | {first_token(args, path):.2f} |",
          flush=True)
    return good


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--ingle", required=True)
    p.add_argument("--ctx", type=int, default=512)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--starts", type=int, default=2)
    p.add_argument("models", nargs="+")
    args = p.parse_args()
    print("| model | file MB | cache MB | VmHWM MB | PSS MB | VmHWM / (file + cache) | `show` MB | `show` / VmHWM | first token s |")
    print("|---|---|---|---|---|---|---|---|---|")
    sys.exit(0 if all([measure(args, path) for path in args.models]) else 1)


if __name__ == "__main__":
    main()
