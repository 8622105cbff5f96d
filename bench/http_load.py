#!/usr/bin/env python3
"""What clients of the HTTP API get, beside what `ingle bench` says the model can do on the same load.

    bench/http_load.py --model FILE.gguf [--clients 16] [--rounds 5]

Starts `ingle serve` on a free port of the loopback interface. In every round all clients send a prompt of their own at
once and read the streamed answer; before or after it, by turns, `ingle bench` runs as many sequences of the same lengths.
Logged and printed: generated tokens per second over all clients (from the first request to the last token), the ratio to
`ingle bench`, time to the first token, and the gaps between one client's pieces of text; and for one client and for all
of them which share of a step is not the model's (bench/token_rest.py). LLAMA_SERVER and IK_SERVER (commands, arguments
allowed) put llama-server and ik_llama.cpp's server under the same load. Needs nothing but Python.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import machine
import token_rest
from engines import parse_lines
from http_clients import body_of, crowd, load_figures

PROBE = 400  # Characters of a prompt whose tokens are counted.
WORDS = "river stone lamp wind field carry seven bright paper under cold drift music horse table green".split()


def prompt_text(length, seed):
    """`length` characters of words, different from the first one on."""
    draw = random.Random(seed)
    text = f"{draw.randrange(10**9):09d}"
    while len(text) < length:
        text += " " + draw.choice(WORDS)
    return text[:length]


def bench_tokens_per_second(result, sequences, prompt, generate):
    """Of parse_lines: all generated tokens over the time of prefill and decode together."""
    seconds = sequences * prompt / result["prefill"] + sequences * generate / result["decode"]
    return sequences * generate / seconds


class Server:
    """A server under test, in a process group of its own."""

    def __init__(self, name, command, port=None):
        self.name, self.port, self.log = name, port, tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        end = time.monotonic() + 300
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise SystemExit(f"http: {name} is not ready:\n{self._output()[-2000:]}")
            time.sleep(0.05)

    def _output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def _ready(self):
        if self.port is None:  # ingle prints its address once it serves.
            said = re.search(r"^http://localhost:(\d+)$", self._output(), re.M)
            self.port = int(said[1]) if said else None
            return said is not None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def prompt_tokens(self, text):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/completions", body_of(text, 1, 0, False),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as reply:
            return json.load(reply)["usage"]["prompt_tokens"]

    def stop(self):
        for sign in (signal.SIGINT, signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(sign)
                try:
                    self.process.wait(10)
                except subprocess.TimeoutExpired:
                    continue


def servers(args):
    """{name: how to start it}"""
    pin = ["taskset", "-c", ",".join(map(str, args.cpus))]
    made = {"ingle": lambda: Server("ingle", pin + [args.ingle, "serve", args.model, "--port", "0", "--threads",
                                                    str(args.threads)])}

    def other(name, tool):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        # For each client its share: of a prompt and its answer, or of the probe, a token per character at most.
        context = args.clients * (max(args.prompt, PROBE) + args.generate + 64)
        flags = {"-m": args.model, "--host": "127.0.0.1", "--port": port, "-t": args.threads, "-np": args.clients, "-c": context}
        return Server(name, pin + tool + [str(word) for flag in flags.items() for word in flag], port)

    for name, variable in (("llama-server", "LLAMA_SERVER"), ("ik_llama.cpp server", "IK_SERVER")):
        if tool := shlex.split(os.environ.get(variable, "")):
            made[name] = lambda name=name, tool=tool: other(name, tool)
    return made


def bench(args, prompt):
    flags = {"--sequences": args.clients, "--prompt": prompt, "--generate": args.generate, "--threads": args.threads,
             "--repeat": 1}
    command = ["taskset", "-c", ",".join(map(str, args.cpus)), args.ingle, "bench", args.model, "--json"]
    done = subprocess.run(command + [str(word) for flag in flags.items() for word in flag], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"http: ingle bench failed:\n{done.stderr[-1000:]}")
    return bench_tokens_per_second(parse_lines(done.stdout), args.clients, prompt, args.generate)


def prompts(args, count, length, seed):
    return [prompt_text(length, seed * 1000 + i) for i in range(count)]


def rest_of_a_token(args, server, length, seed):
    """By number of clients."""
    made = {}
    for count in sorted({1, args.clients}):
        meter = token_rest.Meter(server.port, server.process.pid, args.threads)
        crowd(server.port, prompts(args, count, length, seed + count), args.rest_generate, meter.mark, meter.mark)
        made[str(count)] = meter.figures()
    return made


def one_round(args, name, start, number):
    """A server in a fresh process: one crowd to warm up, one that counts; and `ingle bench` before or after."""
    ours = name == "ingle"
    rate = bench(args, args.prompt) if ours and number % 2 else None
    server = start()
    try:
        # As many characters as make the wanted number of tokens in this model's vocabulary.
        probe = prompt_text(PROBE, 1)
        length = max(16, round(PROBE * args.prompt / server.prompt_tokens(probe)))
        crowd(server.port, prompts(args, args.clients, length, 2 * number + 1), args.generate)
        result = load_figures(crowd(server.port, prompts(args, args.clients, length, 2 * number + 2), args.generate))
        if ours:
            result["rest"] = rest_of_a_token(args, server, length, 2000 * (number + 1))
    finally:
        server.stop()
    if ours:
        rate = rate or bench(args, result["prompt_tokens"])
        result |= {"bench_tokens_per_second": rate, "ratio": result["tokens_per_second"] / rate}
    return result


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--ingle", default="build/release/ingle")
    parser.add_argument("--log", default="build/bench/peers.jsonl")
    parser.add_argument("--run", default=time.strftime("%Y-%m-%d %H:%M:%S"))
    for name, default in (("clients", 16), ("prompt", 110), ("generate", 32), ("rounds", 5), ("threads", 2),
                          ("rest-generate", 128)):
        parser.add_argument("--" + name, type=int, default=default)
    args = parser.parse_args()
    args.cpus = sorted(os.sched_getaffinity(0))[:args.threads]
    return args


def main():
    args = arguments()
    for number in range(args.rounds):
        for name, start in servers(args).items():
            canary = machine.canary(args.ingle, args.threads, args.cpus)
            entry = {"kind": "http", "run": args.run, "time": time.time(), "server": name, "clients": args.clients,
                     "model": pathlib.Path(args.model).stem, "round": number, "canary": canary,
                     **one_round(args, name, start, number)}
            with open(args.log, "a") as log:
                log.write(json.dumps(entry) + "\n")
            print(json.dumps(entry), file=sys.stderr)


if __name__ == "__main__":
    main()
