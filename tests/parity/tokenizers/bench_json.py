#!/usr/bin/env python3
"""Encoding speed beside Hugging Face `tokenizers`, interleaved, one thread each, the same texts.

    bench_json.py --bulk BUILD/src/text/bulk_encode [--rounds 5] [--text FILE ...] tokenizer.json ...

Prints for each file the seconds of both (the best round) and how many times as fast ingle is. The texts are cut into
pieces of about 4 KB, as prompts are; the original's cache of words lives through all of them, ingle has none.
"""
import argparse
import glob
import os
import re
import struct
import subprocess
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")


def pieces(paths):
    text = "".join(open(p, encoding="utf-8", errors="replace").read() for p in paths)
    return [text[i:i + 4096] for i in range(0, len(text), 4096)]


def ours(bulk, path, packed):
    with open(packed, "rb") as stdin:
        out = subprocess.run([bulk, path, "--time", "--special"], stdin=stdin, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"([0-9.]+) s$", out.strip()).group(1))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bulk", required=True)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--text", nargs="*", default=sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")) +
                                                       glob.glob(os.path.join(ROOT, "src", "text", "*.cc"))))
    p.add_argument("files", nargs="+")
    args = p.parse_args()
    texts = pieces(args.text)
    size = sum(len(t.encode()) for t in texts)
    with tempfile.NamedTemporaryFile() as packed:
        for t in texts:
            raw = t.encode()
            packed.write(struct.pack("<I", len(raw)) + raw)
        packed.flush()
        for path in args.files:
            tokenizer = Tokenizer.from_file(path)
            mine, theirs = [], []
            for _ in range(args.rounds):
                mine.append(ours(args.bulk, path, packed.name))
                begin = time.perf_counter()
                for t in texts:
                    tokenizer.encode_batch_fast([t], add_special_tokens=False)
                theirs.append(time.perf_counter() - begin)
            a, b = min(mine), min(theirs)
            name = os.path.basename(os.path.dirname(os.path.dirname(os.path.abspath(path))))
            print(f"{name}: {size} bytes, ingle {a * 1e3:.1f} ms ({size / a / 1e6:.1f} MB/s), original {b * 1e3:.1f} ms, "
                  f"{b / a:.2f} times as fast", flush=True)


if __name__ == "__main__":
    main()
